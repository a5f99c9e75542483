package senders

import (
	"strings"
	"testing"

	"shimfuzz/lab/compat/recorded"
	"shimfuzz/lab/compat/senders/order"
	"shimfuzz/lab/compat/settings"
)

// There is a recording of every release for every request.
func TestRecordingsAreAll(t *testing.T) {
	have := recorded.Recordings()
	var want []recorded.Recording
	for _, version := range Releases {
		for _, r := range asks(version) {
			want = append(want, recorded.Recording{Origin: recorded.Origin{Containerd: version, Request: r}})
		}
	}
	if len(have) != len(want) {
		t.Fatalf("%d recordings, want %d: run make -C lab record", len(have), len(want))
	}
	for i, r := range have {
		if r.Containerd != want[i].Containerd || r.Request != want[i].Request {
			t.Errorf("recording %d is %s, want %s: run make -C lab record", i, r.Name(), want[i].Name())
		}
		if r.Module != modulePath(r.Containerd) || r.Sum == "" || r.Entry == "" {
			t.Errorf("%s: the origin is incomplete", r.Name())
		}
	}
}

// There is one passage of every release for everything that its daemon is asked for.
func TestPassagesAreAll(t *testing.T) {
	have := make(map[[5]string]int)
	key := func(release string, p recorded.Passage) [5]string {
		return [5]string{release, p.Through, p.Shim, p.Options, p.Setting}
	}
	for _, p := range recorded.Passages() {
		for _, release := range p.Containerd {
			have[key(release, p)]++
		}
	}
	var windows []order.Answer
	for _, s := range settings.All() {
		windows = append(windows, order.Answer{Handler: s.Name})
	}
	want := 0
	for _, version := range Releases {
		asked, _ := daemonRequests(version, windows)
		want += len(asked)
		for _, p := range asked {
			if n := have[key(version, p)]; n != 1 {
				t.Errorf("%v: recorded %d times: run make -C lab record", key(version, p), n)
			}
		}
	}
	if len(have) != want {
		t.Errorf("%d passages, want %d: run make -C lab record", len(have), want)
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
