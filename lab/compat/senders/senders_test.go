package senders

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"shimfuzz/lab/compat/recorded"
	"shimfuzz/lab/compat/settings"
)

// There is a recording of every release for every request, in their order, and one passage
// for everything that its daemon is asked for.
func TestAllIsRecorded(t *testing.T) {
	var have, want []recorded.Origin
	for _, r := range recorded.Recordings() {
		have = append(have, recorded.Origin{Containerd: r.Containerd, Module: r.Module, Request: r.Request})
		if r.Sum == "" || r.Entry == "" {
			t.Errorf("%s: the origin is incomplete", r.Name())
		}
	}
	passages := make(map[string]int)
	passage := func(release string, p recorded.Passage, n int) {
		passages[fmt.Sprintln(release, p.Through, p.Shim, p.Options, p.Setting)] += n
	}
	for _, version := range Releases {
		for _, r := range asks(version) {
			want = append(want, recorded.Origin{Containerd: version, Module: modulePath(version), Request: r})
		}
		asked, _ := daemonRequests(version, nil)
		for _, p := range asked {
			passage(version, p, 1)
		}
	}
	for _, p := range recorded.Passages() {
		for _, release := range p.Containerd {
			passage(release, p, -1)
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

// CreateTaskRequest.Options is found among other fields.
func TestTaskOptions(t *testing.T) {
	const request = "\x0a\x01x\x20\x01\x52\x02\x0a\x00"
	if b, err := taskOptions([]byte(request)); err != nil || string(b) != "\x0a\x00" {
		t.Errorf("options %x, %v", b, err)
	}
	if _, err := taskOptions([]byte(request[:8])); err == nil {
		t.Error("a cut request is not an error")
	}
}

// The configuration has the tables of settings, and those for Windows in files of
// their own.
func TestConfig(t *testing.T) {
	settings := []settings.Setting{
		{Name: "a", Type: "io.x", Path: "/p", TOML: "K = 1"},
		{Name: "b", Type: "io.y", NoTable: true},
		{Name: "c", Windows: "own", Type: "io.z", TOML: "L = 2"},
	}
	const runtimes = "[plugins.'io.containerd.grpc.v1.cri'.containerd"
	for _, test := range []struct{ what, text, want string }{
		{"Linux", config("v1.7.35", settings), "version = 2\n"},
		{"Linux", config("v1.7.35", settings), runtimes + "]\ndefault_runtime_name = 'a'\n" +
			runtimes + ".runtimes.a]\nruntime_type = 'io.x'\nruntime_path = '/p'\n" + runtimes +
			".runtimes.a.options]\nK = 1\n" +
			runtimes + ".runtimes.b]\nruntime_type = 'io.y'\n"},
		{"Windows", windowsConfig("v1.7.35", settings[2]), "version = 2\n" + runtimes +
			"]\ndefault_runtime_name = 'own'\n" +
			runtimes + ".runtimes.own]\nruntime_type = 'io.z'\n" + runtimes + ".runtimes.own.options]\nL = 2\n"},
		{"Windows", windowsConfig("v2.3.7", settings[1]), "version = 3\n"},
	} {
		if !strings.Contains(test.text, test.want) {
			t.Errorf("%s: want %s in\n%s", test.what, test.want, test.text)
		}
	}
}
