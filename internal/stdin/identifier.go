package stdin

import "regexp"

// identifier is containerd's rule for container IDs and
// namespaces (github.com/containerd/containerd/v2/pkg/identifiers).
var identifier = regexp.MustCompile(`^[A-Za-z0-9]+(?:[._-](?:[A-Za-z0-9]+))*$`)

// MaxIdentifier is the longest identifier that containerd accepts, in bytes.
const MaxIdentifier = 76

// IsIdentifier reports whether containerd accepts s as a container ID or a namespace.
func IsIdentifier(s string) bool {
	return len(s) <= MaxIdentifier && identifier.MatchString(s)
}
