package stdin

import "strings"

// MaxIdentifier is the longest identifier that containerd accepts, in bytes.
const MaxIdentifier = 76

// IsIdentifier reports whether containerd accepts s as a container ID or a namespace
// (github.com/containerd/containerd/v2/pkg/identifiers): letters and digits, in words that
// one of three signs separates. Everybody else, the reference included, has a regular
// expression, so that this is a check of those.
func IsIdentifier(s string) bool {
	inWord := false
	for _, c := range []byte(s) {
		letter := c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z'
		if !letter && (!inWord || !strings.ContainsRune("._-", rune(c))) {
			return false
		}
		inWord = letter
	}
	return inWord && len(s) <= MaxIdentifier
}
