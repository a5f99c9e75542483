package contract

import "fmt"

// Launch is what the command line of a shim says about its container. A reader that
// is given it is held to narrower rules (docs/contract.md, The launch). The zero
// Launch is that of a reader that is not.
type Launch struct{ ID, Namespace string }

// String names the launch in one line, "" for the zero one.
func (l Launch) String() string {
	if l == (Launch{}) {
		return ""
	}
	return fmt.Sprintf("ID %.100q in namespace %.100q", l.ID, l.Namespace)
}
