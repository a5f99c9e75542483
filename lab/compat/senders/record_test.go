package senders

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"shimfuzz/lab/compat/findings"
	"shimfuzz/lab/compat/recorded"
)

// What releases did the same is one passage, in the order of the file.
func TestMerge(t *testing.T) {
	var all []recorded.Passage
	for _, release := range findings.Containerd {
		for _, p := range recorded.Passages() {
			if slices.Contains(p.Containerd, release) {
				p.Containerd = []string{release}
				all = append(all, p)
			}
		}
	}
	if diff := cmp.Diff(recorded.Passages(), merge(all)); diff != "" {
		t.Error(diff)
	}
}
