package senders

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"shimfuzz/internal/gocmd"
	"shimfuzz/lab/compat/findings"
	"shimfuzz/lab/compat/recorded"
)

// There is a recording of every release for every request, in their order, and one passage
// for everything that its daemon is asked for.
func TestAllIsRecorded(t *testing.T) {
	var have, want []recorded.Origin
	passages := make(map[string]int)
	passage := func(release string, p recorded.Passage, n int) {
		passages[fmt.Sprintln(release, p.Through, p.Shim, p.Options, p.Setting)] += n
	}
	for _, r := range recorded.Recordings() {
		if r.Sum == "" {
			t.Errorf("%s: the origin has no checksum", r.Name())
		}
		r.Sum = ""
		have = append(have, r.Origin)
	}
	for _, p := range recorded.Passages() {
		for _, release := range p.Containerd {
			passage(release, p, -1)
		}
	}
	for _, version := range findings.Containerd {
		all, ways, _ := asked(&gocmd.Module{Path: generationOf(version).module, Version: version}, nil)
		for _, r := range all {
			want = append(want, r.Origin)
		}
		for _, p := range ways {
			passage(version, p, 1)
		}
	}
	if diff := cmp.Diff(want, have); diff != "" {
		t.Errorf("other recordings are there (+) than are wanted (-): run make -C lab record\n%s", diff)
	}
	for p, n := range passages {
		if n != 0 {
			t.Errorf("%d passages are missing: run make -C lab record: %s", n, p)
		}
	}
}
