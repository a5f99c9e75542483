package recorded

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"testing"

	"github.com/Microsoft/hcsshim/cmd/containerd-shim-runhcs-v1/options"
	api "github.com/containerd/containerd/api/runtime/bootstrap/v1"
	"golang.org/x/mod/semver"

	"shimfuzz/corpus"
	"shimfuzz/internal/grammar"
	"shimfuzz/internal/stdin"
	"shimfuzz/internal/wire"
	"shimfuzz/lab/compat/senders/order"
	"shimfuzz/lab/index"
)

// The corpus has what was recorded, with the answers of here, and no other recorded cases.
func TestCases(t *testing.T) {
	files, err := index.Files(Cases(Recordings()))
	if err != nil || !bytes.Equal(files["corpus/index.json"], corpus.IndexText()) {
		t.Error("the corpus has other recordings than this folder: run make -C lab record", err)
	}
	ofDaemons := make(map[string]bool)
	for _, p := range passages(t) {
		ofDaemons[string(p.Start)], ofDaemons[string(p.Create)] = true, true
	}
	cases, err := corpus.Load()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range cases {
		if c.Origin != nil && files["corpus/"+c.File] == nil && !ofDaemons[string(c.Payload.Bytes)] {
			t.Errorf("%s is in no recording: remove its file and its entry", c.Name)
		}
	}
}

// arriving is what of the options a release of containerd sends. The first whose Options
// tell scrub_logs false from scrub_logs unset is v2.4.0: before, it links an hcsshim where
// that field is not optional, and leaves an explicit false out.
func arriving(o OptionsRequest, containerd string) []byte {
	if semver.Compare(containerd, "v2.4.0") < 0 {
		return bytes.TrimSuffix(o.Value, wire.Message{wire.Varint(20, 0)}.Encode())
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
func TestSendersAreModelled(t *testing.T) {
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

// Passage is what became of options on their way through containerd's daemon to a shim, from the
// operator's configuration or from a client's request. It was recorded once.
type Passage struct {
	Containerd []string  // releases that did the same
	Through    string    // task: a container with a shim of its own; sandbox: one in a sandbox with a shim
	Shim       string    // base name of the binary
	Options    string    // name of one of RequestedOptions
	Setting    string    // or of what was configured
	Start      order.Hex // standard input of start
	Create     order.Hex // CreateTaskRequest.Options, an Any; nil if the call was not made
	Error      string    // from containerd
}

func passages(t *testing.T) (all []Passage) {
	t.Helper()
	text, err := os.ReadFile("testdata/passages.json")
	if err := errors.Join(err, json.Unmarshal(text, &all)); err != nil {
		t.Fatal(err)
	}
	return all
}

// A task manager passes the options on as they are: CreateTaskRequest has what start
// was given, which is what ShimManager was recorded to send for the same options.
func TestTasksPassOptionsOn(t *testing.T) {
	for _, p := range passages(t) {
		if p.Through != "task" || p.Error != "" {
			continue
		}
		url, value := stdin.AnyParts(p.Create)
		if o := p.Options; p.Create == nil || o != "" && Requested(o).Type != url {
			t.Errorf("%+v: Create has options of type %q, or was not called", p, url)
		}
		for _, release := range p.Containerd {
			want := Start(p.Shim, paramsOf(release, "/run/containerd/s"), url, value)
			if !bytes.Equal(p.Start, want) {
				t.Errorf("%s %s %s%s\nstart  %x\nCreate gives %x", release, p.Shim, p.Options, p.Setting, p.Start, want)
			}
		}
	}
}
