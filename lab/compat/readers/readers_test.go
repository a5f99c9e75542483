package readers

import (
	"slices"
	"testing"

	"shimfuzz/lab/compat/findings"
)

// Every reader has a folder of its own, whatever the name of its version; and a checkout
// adds one runhcs-v1.
func TestAll(t *testing.T) {
	const checkout = "/home/me/hcsshim"
	seen, with := make(map[string]string), All(checkout)
	for _, r := range with {
		dir := r.folder("/root")
		if seen[dir] != "" {
			t.Errorf("%s and %s are both built in %s", r.ID(), seen[dir], dir)
		}
		seen[dir] = r.ID()
	}
	isAdded := func(r Reader) bool { return r.Version == checkout && r.Name == findings.RunHCS }
	if len(with) != len(All(""))+1 || !slices.ContainsFunc(with, isAdded) {
		t.Errorf("%d readers, %d with a checkout", len(All("")), len(with))
	}
}
