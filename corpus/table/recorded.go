package table

import (
	"bytes"
	"embed"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/Microsoft/hcsshim/cmd/containerd-shim-runhcs-v1/options"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"shimfuzz/internal/contract"
	"shimfuzz/internal/stdin"
	"shimfuzz/internal/wire"
)

// Hex is bytes that JSON has as hexadecimal digits; nil stands for none.
type Hex []byte

// MarshalText returns the digits.
func (h Hex) MarshalText() ([]byte, error) { return hex.AppendEncode(nil, h), nil }

// UnmarshalText reads the digits.
func (h *Hex) UnmarshalText(text []byte) (err error) {
	*h, err = hex.AppendDecode(Hex{}, text)
	return err
}

// Recording is what a shim found when containerd's own code started it.
type Recording struct {
	Origin
	Args  []string `json:"args"`
	Env   []string `json:"env"` // what containerd adds to its own
	Stdin Hex      `json:"stdin,omitzero"`
}

// Origin says where a recording comes from.
type Origin struct {
	Containerd string  `json:"containerd"` // release
	Module     string  `json:"module"`
	Sum        string  `json:"sum"`   // of the module, as in go.sum
	Entry      string  `json:"entry"` // function of containerd's that started the shim
	Request    Request `json:"request"`
}

// Request is what containerd was asked to do.
type Request struct {
	Shim      string `json:"shim"`              // base name of the binary
	Action    string `json:"action"`            // start, delete, info, or create for CreateTaskRequest.Options
	Options   string `json:"options"`           // name of one of RequestedOptions
	Setting   string `json:"setting,omitempty"` // or of one of the lab's settings
	LogLevel  string `json:"log_level"`
	SocketDir string `json:"socket_dir,omitempty"`
}

// Passage is what became of options on their way through containerd's daemon to a
// shim, which was recorded: from the operator's configuration or from a client's
// request, through CRI's code, the client, the tasks service or the sandbox
// controller, and the task manager.
type Passage struct {
	Containerd []string `json:"containerd"` // releases that did the same
	// task: a container with a shim of its own; sandbox: one in a sandbox with a shim
	Through string `json:"through"`
	Shim    string `json:"shim"`              // base name of the binary
	Options string `json:"options,omitempty"` // name of one of RequestedOptions
	Setting string `json:"setting,omitempty"` // or of one of the lab's settings
	Start   Hex    `json:"start,omitzero"`    // standard input of start
	Info    Hex    `json:"info,omitzero"`     // and of -info, if it was not empty
	Create  Hex    `json:"create,omitzero"`   // CreateTaskRequest.Options, an Any; nil if the call was not made
	Error   string `json:"error,omitempty"`   // from containerd
}

// The values of Passage.Through.
const (
	ThroughTask    = "task"
	ThroughSandbox = "sandbox"
)

// The container of every recording, and the daemon that starts its shim. PassageSocketDir
// is the folder for the shims' sockets in the configuration of passages.
const (
	RecordedID        = "web-1"
	RecordedNamespace = "k8s.io"
	RecordedBinary    = "/tmp/shimfuzz-recorder/containerd"
	RecordedGRPC      = `\\.\pipe\containerd-containerd`
	RecordedTTRPC     = `\\.\pipe\containerd-containerd.ttrpc`
	PassageSocketDir  = "/run/containerd/s"
)

// SpecialShim is the shim that containerd 2.3 and 2.4 treat specially, by its name;
// OrdinaryShim is one of the others.
const (
	SpecialShim  = "containerd-shim-runhcs-v1"
	OrdinaryShim = "containerd-shim-lcow-v2"
)

// RuncMarker stands in the runc options where a shim that reads them says so:
// there is no such cgroup (shim_cgroup) and no such program (binary_name).
const RuncMarker = "shimfuzz-marker"

// OptionsRequest is runtime options that containerd is given for a shim.
type OptionsRequest struct {
	Name string
	Type string // name of the message; none for no options
	JSON string // of runhcs Options
	body wire.Message
}

// RequestedOptions are the options that containerd is given: none, runhcs's, and
// those of others, which it passes on as they are.
var RequestedOptions = []OptionsRequest{
	{Name: "none"},
	{Name: "zero", Type: optionsName, JSON: `{}`},
	{Name: "cri", Type: optionsName, JSON: criDefault},
	{Name: "hypervisor", Type: optionsName, JSON: `{"sandboxIsolation":"HYPERVISOR","scrubLogs":true}`},
	// All fields of hcsshim v0.15.0's, scrub_logs explicitly at its zero value.
	{Name: "all", Type: optionsName, JSON: `{"debug":true,"debugType":"ETW","registryRoot":"HKLM\\Shim",` +
		`"sandboxImage":"pause:3.9","sandboxPlatform":"windows/amd64","sandboxIsolation":"HYPERVISOR",` +
		`"bootFilesRootPath":"C:\\boot","vmProcessorCount":2,"vmMemorySizeInMb":2048,"GPUVHDPath":"C:\\gpu",` +
		`"scaleCpuLimitsToSandbox":true,"defaultContainerScratchSizeInGb":20,"defaultVmScratchSizeInGb":30,` +
		`"shareScratch":true,"NCProxyAddr":"npipe","logLevel":"warning","ioRetryTimeoutInSec":5,` +
		`"defaultContainerAnnotations":{"team":"é"},"noInheritHostTimezone":true,"scrubLogs":false}`},
	{Name: "runtimeoptions", Type: runtimeName,
		body: wire.Message{wire.String(1, "io.containerd.runhcs.v1.options"), wire.String(2, `C:\shim.toml`)}},
	{Name: "runc", Type: runcName,
		body: wire.Message{wire.String(3, RuncMarker), wire.String(6, RuncMarker)}},
}

// Requested is the entry of RequestedOptions with that name. An unknown one is a
// mistake in the table.
func Requested(name string) OptionsRequest {
	i := slices.IndexFunc(RequestedOptions, func(o OptionsRequest) bool { return o.Name == name })
	if i < 0 {
		panic(fmt.Sprintf("table: no options are called %q", name))
	}
	return RequestedOptions[i]
}

// Value is the encoded options, of no bytes for none.
func (o OptionsRequest) Value() []byte {
	if o.JSON != "" {
		return parts(o.JSON).Encode()
	}
	return o.body.Encode()
}

// RecordingsFile and PassagesFile are where make -C lab record writes what it records,
// from the root.
const (
	RecordingsFile = "corpus/table/recordings.json"
	PassagesFile   = "corpus/table/passages.json"
)

//go:embed recordings.json passages.json
var files embed.FS

// Recordings returns what has been recorded of containerd's releases.
func Recordings() []Recording { return load[Recording](RecordingsFile) }

// Passages returns what has been recorded of containerd's daemons.
func Passages() []Passage { return load[Passage](PassagesFile) }

func load[T any](file string) []T {
	all := new([]T)
	return *must(all, json.Unmarshal(must(files.ReadFile(path.Base(file))), all))
}

// Name is the name of the recording's case.
func (r Recording) Name() string {
	name := r.named(r.Request.Options)
	if r.Request.LogLevel != "info" {
		name += "_" + r.Request.LogLevel
	}
	if r.Request.SocketDir != "" {
		name += "_socket-dir"
	}
	return name
}

func (o Origin) named(options string) string {
	return fmt.Sprintf("recorded_%s_%s_%s_%s", o.Containerd, strings.TrimPrefix(o.Request.Shim, "containerd-shim-"),
		o.Request.Action, options)
}

// recorded is the recordings; then of the passages what a setting becomes on standard
// input, where no other recording has it, and each CreateTaskRequest.Options once.
func (t *table) recorded() {
	seen, origins := map[string]bool{"create": true}, make(map[string]Origin)
	for _, r := range Recordings() {
		like, note := r.answered(r.Stdin, "Recorded"), ""
		if like.Outcome == contract.Options {
			like.Class = "recorded-" + r.Request.Options
			if r.Request.Options == "all" && !bytes.Contains(like.Options, []byte("scrubLogs")) {
				like.Class += "-but-scrub-logs" // see arriving, in the tests
			}
		}
		if r.Stdin == nil {
			note = "No standard input at all."
		}
		t.add(like, r.Name(), note, wire.Raw(r.Stdin))
		seen["start"+string(r.Stdin)], origins[r.Containerd] = true, r.Origin
	}
	add := func(p Passage, action, name string, b Hex, flags ...string) {
		if seen[action+string(b)] {
			return
		}
		seen[action+string(b)] = true
		if p.Through == ThroughSandbox {
			name += "_sandbox"
		}
		o := origins[p.Containerd[0]]
		o.Entry = "client.Container.NewTask"
		o.Request = Request{Shim: p.Shim, Action: action, Options: p.Options, Setting: p.Setting, LogLevel: "info",
			SocketDir: PassageSocketDir}
		t.add(o.answered(b, flags...), o.named(name), "", wire.Raw(b))
	}
	for _, p := range Passages() {
		if p.Setting != "" {
			add(p, "start", "toml_"+p.Setting, p.Start, "Recorded")
		}
	}
	for _, p := range Passages() {
		if p.Options != "" {
			add(p, "create", p.Options, p.Create, "Recorded", "Create")
		}
	}
}

// answered is the answer that the contract gives a runhcs shim to what a containerd wrote. That
// these are the options that it was given the tests say.
func (o Origin) answered(b []byte, flags ...string) Case {
	c := answered(contract.None, flags...)
	c.Origin = &o
	if slices.ContainsFunc(stdin.Anys(b), func(a []byte) bool {
		url, _ := stdin.AnyParts(a)
		return stdin.TypeName(url) == optionsName
	}) {
		opts := new(options.Options)
		must(opts, proto.Unmarshal(stdin.OptionsBytes(b), opts))
		c.Outcome, c.Options = contract.Options, must(protojson.Marshal(opts))
	} else if len(b) > 0 && !stdin.IsBootstrap(b) {
		c.Outcome = contract.Foreign
	}
	return c
}
