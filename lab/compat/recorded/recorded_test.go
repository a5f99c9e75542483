package recorded

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/Microsoft/hcsshim/cmd/containerd-shim-runhcs-v1/options"
	api "github.com/containerd/containerd/api/runtime/bootstrap/v1"
	"github.com/google/go-cmp/cmp"
	"golang.org/x/mod/semver"

	"shimfuzz/corpus"
	"shimfuzz/internal/grammar"
	"shimfuzz/internal/stdin"
	"shimfuzz/lab/compat/senders/order"
	"shimfuzz/lab/table"
)

// The corpus has what was recorded, with the answers of here.
func TestCases(t *testing.T) {
	files, err := table.Files(Cases(Recordings(), Passages()))
	if err != nil || !bytes.Equal(files["corpus/index.json"], corpus.IndexText()) {
		t.Error("the corpus has other recordings than this folder: run make -C lab record", err)
	}
}

// There are settings for which every containerd reports an error, and the settings'
// names are different. What releases did the same is one passage, in the order of the file.
func TestPassages(t *testing.T) {
	settings := make(map[string]string)
	for _, s := range Settings() {
		if _, listed := settings[s.Name]; listed {
			t.Errorf("two settings are called %s", s.Name)
		}
		settings[s.Name] = s.Means
	}
	releases := make(map[string][]Passage)
	for _, p := range Passages() {
		if p.Error != "" && settings[p.Setting] != "" {
			t.Errorf("%v %s: %s", p.Containerd, p.Setting, p.Error)
		}
		for _, release := range p.Containerd {
			p.Containerd = []string{release}
			releases[release] = append(releases[release], p)
		}
	}
	var all []Passage
	for _, release := range slices.Sorted(maps.Keys(releases)) {
		all = append(all, releases[release]...)
	}
	if diff := cmp.Diff(Passages(), Merge(all)); diff != "" {
		t.Error(diff)
	}
}

// arriving is what of the options a release of containerd sends. The first whose Options
// tell scrub_logs false from scrub_logs unset is v2.4.0: before, it links an hcsshim where
// that field is not optional, and leaves an explicit false out.
func arriving(o OptionsRequest, containerd string) []byte {
	if o.Name == "all" && semver.Compare(containerd, "v2.4.0") < 0 {
		return runhcs(o.Name, strings.Replace(o.JSON, `,"scrubLogs":false`, "", 1)).Value
	}
	return o.Value
}

// paramsOf are those of a containerd whose shims were recorded.
func paramsOf(version, socketDir string) *api.BootstrapParams {
	p := &api.BootstrapParams{InstanceID: order.ID, Namespace: order.Namespace, ContainerdVersion: version,
		ContainerdTtrpcAddress: order.TTRPC, ContainerdGrpcAddress: order.GRPC,
		ContainerdBinary: order.Home + "/containerd"}
	if socketDir != "" {
		p.SocketDir = &socketDir
	}
	return p
}

// The generators write byte for byte what each containerd was recorded to write for the same
// start. Of what it asks a shim for besides, -info still gets an Any, from every release that
// has it, and delete gets nothing.
func TestDaemonsAreModelled(t *testing.T) {
	fields := (*options.Options)(nil).ProtoReflect().Descriptor().Fields()
	if fd := fields.ByName("scrub_logs"); fd == nil || !fd.HasPresence() {
		t.Skip("NOT RUN: the Options that are linked here are older than those that the newest containerd sends")
	}
	levels := map[string]api.LogLevel{"info": 0, "debug": -4}
	for _, r := range Recordings() {
		o := Requested(r.Request.Options)
		var want []byte
		switch r.Request.Action {
		case "start":
			p := paramsOf(r.Containerd, r.Request.SocketDir)
			p.LogLevel = levels[r.Request.LogLevel]
			want = Start(r.Request.Shim, p, o.Type, arriving(o, r.Containerd))
		case "info":
			want = []byte{}
			if o.Type != "" {
				want = grammar.PlainAny(o.Type, o.Value)
			}
		}
		if !bytes.Equal(want, r.Stdin) || (want == nil) != (r.Stdin == nil) {
			t.Errorf("%s\nrecorded  %x, none at all: %t\ngenerated %x", r.Name(), r.Stdin, r.Stdin == nil, want)
		}
	}
}

// A task manager passes the options on as they are: CreateTaskRequest has what start
// was given, which is what ShimManager was recorded to send for the same options.
func TestTasksPassOptionsOn(t *testing.T) {
	for _, p := range Passages() {
		if p.Through != ThroughTask || p.Error != "" {
			continue
		}
		if p.Create == nil {
			t.Errorf("%+v: no call of Create", p)
			continue
		}
		url, value := stdin.AnyParts(p.Create)
		if o := p.Options; o != "" && Requested(o).Type != url {
			t.Errorf("%v %s %s: Create has options of type %q, want %q", p.Containerd, p.Shim, o, url,
				Requested(o).Type)
		}
		for _, release := range p.Containerd {
			want := Start(p.Shim, paramsOf(release, order.SocketDir), url, value)
			if got := p.Start; !bytes.Equal(got, want) {
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
	each := func(through string, do func(release, key string, p Passage)) {
		for _, p := range Passages() {
			for _, release := range p.Containerd {
				if p.Through == through && p.Options != "" {
					do(release, fmt.Sprint(release, " ", p.Shim, " ", p.Options), p)
				}
			}
		}
	}
	each(ThroughTask, func(_, key string, p Passage) { tasks[key] = p })
	each(ThroughSandbox, func(release, key string, p Passage) {
		task := tasks[key]
		url, _ := stdin.AnyParts(p.Create)
		if !bytes.Equal(p.Start, task.Start) {
			t.Errorf("%s: start differs from that of a task", key)
		}
		runcs := slices.Contains([]string{"none", "zero", "runc"}, p.Options)
		ok := p.Error != ""
		switch {
		case semver.Major(release) == "v1", !runcs && semver.Compare(release, "v2.3.0") >= 0:
			ok = p.Error == "" && bytes.Equal(p.Create, task.Create)
		case runcs:
			ok = url == "containerd.runc.v1.Options"
		}
		if !ok {
			t.Errorf("%s: Create has %x, error %q", key, p.Create, p.Error)
		}
	})
}
