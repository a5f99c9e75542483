package table

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"golang.org/x/mod/semver"

	"shimfuzz/internal/grammar"
	"shimfuzz/internal/stdin"
)

func loadPassages(t *testing.T) []Passage {
	t.Helper()
	all, err := Passages()
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func decode(t *testing.T, p Passage, text *string) []byte {
	t.Helper()
	b, err := p.Bytes(text)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// typed is the type and the value of an Any, none for no bytes.
func typed(b []byte) (url string, value []byte) {
	if len(b) == 0 {
		return "", nil
	}
	url, value = stdin.AnyParts(b)
	return url, value
}

// A task manager passes the options on as they are: CreateTaskRequest has what start
// was given, which is what ShimManager was recorded to send for the same options.
// -info is asked without options.
func TestTasksPassOptionsOn(t *testing.T) {
	for _, p := range loadPassages(t) {
		if p.Through != ThroughTask || p.Error != "" {
			continue
		}
		if p.Create == nil || p.Info != nil {
			t.Errorf("%+v: no call of Create, or -info with options", p)
			continue
		}
		url, value := typed(decode(t, p, p.Create))
		if o := p.Options; o != "" && Requested(o).Type != url {
			t.Errorf("%v %s %s: Create has options of type %q, want %q", p.Containerd, p.Shim, o, url,
				Requested(o).Type)
		}
		for _, release := range p.Containerd {
			d := grammar.Daemon{Version: release, TTRPC: RecordedTTRPC, GRPC: RecordedGRPC, Binary: RecordedBinary,
				SocketDir: PassageSocketDir}
			want := d.Start(p.Shim, RecordedID, RecordedNamespace, url, value)
			if got := decode(t, p, p.Start); !bytes.Equal(got, want) {
				t.Errorf("%s %s %s%s\nstart  %x\nCreate gives %x", release, p.Shim, p.Options, p.Setting, got, want)
			}
		}
	}
}

// A sandbox controller starts a shim as a task manager does. Create in that sandbox
// goes through the client's WithTaskAPIEndpoint from 2.0 on: it fails for options that
// are not runc's up to 2.2, and sends runc's own in place of none and of zero ones.
func TestSandboxesPassOptionsOn(t *testing.T) {
	tasks := make(map[string]Passage)
	key := func(p Passage, release string) string { return fmt.Sprint(release, p.Shim, p.Options) }
	all := loadPassages(t)
	for _, p := range all {
		for _, release := range p.Containerd {
			if p.Through == ThroughTask && p.Options != "" {
				tasks[key(p, release)] = p
			}
		}
	}
	for _, p := range all {
		if p.Through != ThroughSandbox {
			continue
		}
		for _, release := range p.Containerd {
			task := tasks[key(p, release)]
			if !bytes.Equal(decode(t, p, p.Start), decode(t, task, task.Start)) {
				t.Errorf("%s %s %s: start differs from that of a task", release, p.Shim, p.Options)
			}
			if got, want := create(t, p), created(t, release, task); got != want {
				t.Errorf("%s %s %s: Create has %s, want %s", release, p.Shim, p.Options, got, want)
			}
		}
	}
}

// create says what a passage has in CreateTaskRequest.
func create(t *testing.T, p Passage) string {
	if p.Error != "" {
		return "failed"
	}
	b := decode(t, p, p.Create)
	if url, _ := typed(b); strings.Contains(url, "runc") {
		return "runc's"
	}
	return fmt.Sprintf("%x", b)
}

// created is what create says of a container in a sandbox.
func created(t *testing.T, release string, task Passage) string {
	runcs := slices.Contains([]string{"none", "zero", "runc"}, task.Options)
	switch {
	case semver.Major(release) == "v1" || !runcs && semver.Compare(release, "v2.3.0") >= 0:
		return create(t, task)
	case runcs:
		return "runc's"
	}
	return "failed"
}
