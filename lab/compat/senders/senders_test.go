package senders

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/mod/semver"

	"shimfuzz/internal/gocmd"
	"shimfuzz/lab/compat/findings"
	"shimfuzz/lab/compat/recorded"
)

// There is a recording of every release for every request, in their order.
func TestAllIsRecorded(t *testing.T) {
	var have, want []recorded.Origin
	for _, r := range recorded.Recordings() {
		if r.Sum == "" {
			t.Errorf("%s: the origin has no checksum", r.Name())
		}
		r.Sum = ""
		have = append(have, r.Origin)
	}
	for _, version := range findings.Containerd {
		module := &gocmd.Module{Path: generations[semver.Major(version)].module, Version: version}
		for _, r := range asked(module) {
			want = append(want, r.Origin)
		}
	}
	if diff := cmp.Diff(want, have); diff != "" {
		t.Errorf("other recordings are there (+) than are wanted (-): run make -C lab record\n%s", diff)
	}
}
