package senders

import (
	"fmt"
	"slices"
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
	var passages, wantPassages []string
	passage := func(p recorded.Passage, release string) string {
		return fmt.Sprintln(release, p.Through, p.Shim, p.Options, p.Setting)
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
			passages = append(passages, passage(p, release))
		}
	}
	for _, version := range findings.Containerd {
		all, ways, _ := asked(&gocmd.Module{Path: generationOf(version).module, Version: version}, nil)
		for _, r := range all {
			want = append(want, r.Origin)
		}
		for _, p := range ways {
			wantPassages = append(wantPassages, passage(p, version))
		}
	}
	if diff := cmp.Diff(want, have); diff != "" {
		t.Errorf("other recordings are there (+) than are wanted (-): run make -C lab record\n%s", diff)
	}
	slices.Sort(passages)
	slices.Sort(wantPassages)
	if diff := cmp.Diff(wantPassages, passages); diff != "" {
		t.Errorf("other passages are there (+) than are wanted (-): run make -C lab record\n%s", diff)
	}
}
