package table

import (
	_ "embed"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/mod/semver"
	"google.golang.org/protobuf/proto"

	"shimfuzz/internal/contract"
	"shimfuzz/internal/stdin"
	"shimfuzz/internal/wire"
)

// Recording is what a shim found when containerd's own code started it.
type Recording struct {
	Origin
	Args  []string `json:"args"`
	Env   []string `json:"env"`             // what containerd adds to its own
	Stdin *string  `json:"stdin,omitempty"` // hexadecimal; nil if there was none
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

// The container of every recording, and the daemon that starts its shim.
const (
	RecordedID        = "web-1"
	RecordedNamespace = "k8s.io"
	RecordedBinary    = "/tmp/shimfuzz-recorder/containerd"
	RecordedGRPC      = `\\.\pipe\containerd-containerd`
	RecordedTTRPC     = `\\.\pipe\containerd-containerd.ttrpc`
)

// SpecialShim is the shim that containerd 2.3 and 2.4 treat specially, by its name;
// OrdinaryShim is one of the others.
const (
	SpecialShim  = "containerd-shim-runhcs-v1"
	OrdinaryShim = "containerd-shim-lcow-v2"
)

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
	{Name: "zero", Type: contract.OptionsName, JSON: `{}`},
	{Name: "cri", Type: contract.OptionsName, JSON: criDefault},
	{Name: "hypervisor", Type: contract.OptionsName, JSON: `{"sandboxIsolation":"HYPERVISOR","scrubLogs":true}`},
	{Name: "all", Type: contract.OptionsName, JSON: everyField},
	{Name: "runtimeoptions", Type: "runtimeoptions.v1.Options",
		body: wire.Message{wire.String(1, "io.containerd.runhcs.v1.options"), wire.String(2, `C:\shim.toml`)}},
	{Name: "runc", Type: "containerd.runc.v1.Options",
		body: wire.Message{wire.String(3, RuncMarker), wire.String(6, RuncMarker)}},
}

// RuncMarker stands in the runc options where a shim that reads them says so:
// there is no such cgroup (shim_cgroup) and no such program (binary_name).
const RuncMarker = "shimfuzz-marker"

// everyField has all fields of hcsshim v0.15.0's Options, scrub_logs explicitly
// at its zero value. A single annotation, for Go marshals a map in any order.
const everyField = `{"debug":true,"debugType":"ETW","registryRoot":"HKLM\\Shim","sandboxImage":"pause:3.9",` +
	`"sandboxPlatform":"windows/amd64","sandboxIsolation":"HYPERVISOR","bootFilesRootPath":"C:\\boot",` +
	`"vmProcessorCount":2,` +
	`"vmMemorySizeInMb":2048,"GPUVHDPath":"C:\\gpu","scaleCpuLimitsToSandbox":true,` +
	`"defaultContainerScratchSizeInGb":20,` +
	`"defaultVmScratchSizeInGb":30,"shareScratch":true,"NCProxyAddr":"npipe","logLevel":"warning",` +
	`"ioRetryTimeoutInSec":5,` +
	`"defaultContainerAnnotations":{"team":"é"},"noInheritHostTimezone":true,"scrubLogs":false}`

// presence is the first containerd whose Options tell scrub_logs false from
// scrub_logs unset: before, it links an hcsshim where that field is not optional,
// and leaves an explicit false out of what it sends.
const presence = "v2.4.0"

// arriving is what of the options a release of containerd sends.
func (o OptionsRequest) arriving(containerd string) (text, class string) {
	if o.Name == "all" && semver.Compare(containerd, presence) < 0 {
		return strings.Replace(o.JSON, `,"scrubLogs":false`, "", 1), "recorded-all-but-scrub-logs"
	}
	return o.JSON, "recorded-" + o.Name
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

// Value is the encoded options, nil for none.
func (o OptionsRequest) Value() []byte {
	switch {
	case o.Type == "":
		return nil
	case o.JSON == "":
		return o.body.Encode()
	}
	b, err := proto.Marshal(parse(o.JSON))
	if err != nil {
		panic(fmt.Sprintf("table: %s: %v", o.JSON, err))
	}
	return append([]byte{}, b...)
}

// RecordingsFile is where make -C lab record writes Recordings, from the root.
const RecordingsFile = "corpus/table/recordings.json"

//go:embed recordings.json
var recordings []byte

// Recordings returns what has been recorded of containerd's releases.
func Recordings() ([]Recording, error) {
	var all []Recording
	if err := json.Unmarshal(recordings, &all); err != nil {
		return nil, fmt.Errorf("%s: %w", RecordingsFile, err)
	}
	return all, nil
}

// Name is the name of the recording's case.
func (r Recording) Name() string {
	q := r.Request
	name := fmt.Sprintf("recorded_%s_%s_%s_%s", r.Containerd, strings.TrimPrefix(q.Shim, "containerd-shim-"), q.Action,
		q.Options)
	if q.LogLevel != "info" {
		name += "_" + q.LogLevel
	}
	if q.SocketDir != "" {
		name += "_socket-dir"
	}
	return name
}

// Payload is what stood on standard input.
func (r Recording) Payload() ([]byte, error) {
	if r.Stdin == nil {
		return nil, nil
	}
	return hex.DecodeString(*r.Stdin)
}

// recorded is the recordings as cases, with the answer that the contract gives a
// runhcs shim.
func recorded() ([]Case, error) {
	all, err := Recordings()
	if err != nil {
		return nil, err
	}
	var cases []Case
	for _, r := range all {
		b, err := r.Payload()
		if err != nil {
			return nil, fmt.Errorf("%s: %s: %w", RecordingsFile, r.Name(), err)
		}
		c := Case{Name: r.Name(), Payload: b, Want: contract.None, Flags: flags("Recorded"), Origin: &r.Origin}
		switch o := Requested(r.Request.Options); {
		case o.JSON != "":
			c.Want = contract.Options
			c.Options, c.Class = o.arriving(r.Containerd)
		case o.Type != "" && !stdin.IsBootstrap(b):
			c.Want = contract.Foreign
		}
		if r.Stdin == nil {
			c.Note = "No standard input at all."
		}
		cases = append(cases, c)
	}
	more, err := passed(cases)
	return append(cases, more...), err
}
