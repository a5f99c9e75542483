package senders

import (
	"fmt"
	"strings"
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

// The configuration has a table for each setting, but not for a runtime that is left alone.
func TestConfig(t *testing.T) {
	const runtimes = "[plugins.'io.containerd.grpc.v1.cri'.containerd"
	for _, test := range []struct{ text, want string }{
		{config("v1.7.35", recorded.Setting{Name: "a", Type: "io.x", Path: "/p", TOML: "K = 1"},
			recorded.Setting{Name: "b", Type: "io.y", NoTable: true}),
			runtimes + "]\ndefault_runtime_name = 'a'\n" +
				runtimes + ".runtimes.a]\nruntime_type = 'io.x'\nruntime_path = '/p'\n" +
				runtimes + ".runtimes.a.options]\nK = 1\n" + runtimes + ".runtimes.b]\nruntime_type = 'io.y'\n"},
		{config("v1.7.35", recorded.Setting{Name: "c", Windows: "own", Type: "io.z", TOML: "L = 2"}),
			runtimes + "]\ndefault_runtime_name = 'own'\n" + runtimes + ".runtimes.own]\nruntime_type = 'io.z'\n" +
				runtimes + ".runtimes.own.options]\nL = 2\n"},
		{config("v2.3.7", recorded.Setting{Name: "d", Windows: "own", NoTable: true}),
			"version = 3\n"},
	} {
		if !strings.HasSuffix(test.text, test.want) {
			t.Errorf("want at the end:\n%s\nin\n%s", test.want, test.text)
		}
	}
}
