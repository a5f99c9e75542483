package readers

import (
	"testing"

	"shimfuzz/lab/compat/findings"
)

// Every reader has a folder of its own, whatever the name of its version.
func TestFolders(t *testing.T) {
	seen := make(map[string]string)
	for _, r := range All("/home/me/hcsshim") {
		dir := r.Folder("/root")
		if seen[dir] != "" {
			t.Errorf("%s and %s are both built in %s", r.ID(), seen[dir], dir)
		}
		seen[dir] = r.ID()
	}
}

// A checkout adds one runhcs-v1.
func TestAll(t *testing.T) {
	without, with := All(""), All("/home/me/hcsshim")
	if len(with) != len(without)+1 {
		t.Errorf("%d readers, %d with a checkout", len(without), len(with))
	}
	for _, r := range with {
		if r.Version == "/home/me/hcsshim" && r.Name == findings.RunHCS {
			return
		}
	}
	t.Error("the checkout is not among the readers")
}
