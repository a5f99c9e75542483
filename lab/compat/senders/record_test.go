package compat

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"shimfuzz/lab/compat/recorded"
	"shimfuzz/lab/compat/senders"
)

// What releases did the same is one passage, in the order of the file.
func TestMerge(t *testing.T) {
	var all []recorded.Passage
	for _, release := range senders.Releases {
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
