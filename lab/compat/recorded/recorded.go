// Package recorded has what each release of containerd was recorded to write to shims, and
// what became of options in its daemon. Both are also cases of the corpus.
package recorded

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/Microsoft/hcsshim/cmd/containerd-shim-runhcs-v1/options"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"shimfuzz/corpus"
	"shimfuzz/internal/contract"
	"shimfuzz/internal/stdin"
	"shimfuzz/internal/wire"
	"shimfuzz/lab/compat/senders/order"
	"shimfuzz/lab/table"
)

// Recording is what a shim found when containerd's own code started it.
type Recording struct {
	Origin
	order.Seen
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
	Through string    `json:"through"`
	Shim    string    `json:"shim"`              // base name of the binary
	Options string    `json:"options,omitempty"` // name of one of RequestedOptions
	Setting string    `json:"setting,omitempty"` // or of one of the lab's settings
	Start   order.Hex `json:"start,omitzero"`    // standard input of start
	Create  order.Hex `json:"create,omitzero"`   // CreateTaskRequest.Options, an Any; nil if the call was not made
	Error   string    `json:"error,omitempty"`   // from containerd
}

// The values of Passage.Through.
const (
	ThroughTask    = "task"
	ThroughSandbox = "sandbox"
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
	Name  string
	Type  string // name of the message; none for no options
	JSON  string // of runhcs Options
	Value []byte // encoded
}

// RequestedOptions are the options that containerd is given: none, runhcs's, and
// those of others, which it passes on as they are.
var RequestedOptions = []OptionsRequest{
	{Name: "none"},
	runhcs("zero", `{}`),
	runhcs("cri", `{"scrubLogs":true}`),
	runhcs("hypervisor", `{"sandboxIsolation":"HYPERVISOR","scrubLogs":true}`),
	// All fields of hcsshim v0.15.0's, scrub_logs explicitly at its zero value.
	runhcs("all", `{"debug":true,"debugType":"ETW","registryRoot":"HKLM\\Shim","sandboxImage":"pause:3.9",`+
		`"sandboxPlatform":"windows/amd64","sandboxIsolation":"HYPERVISOR","bootFilesRootPath":"C:\\boot",`+
		`"vmProcessorCount":2,"vmMemorySizeInMb":2048,"GPUVHDPath":"C:\\gpu","scaleCpuLimitsToSandbox":true,`+
		`"defaultContainerScratchSizeInGb":20,"defaultVmScratchSizeInGb":30,"shareScratch":true,`+
		`"NCProxyAddr":"npipe","logLevel":"warning","ioRetryTimeoutInSec":5,`+
		`"defaultContainerAnnotations":{"team":"é"},"noInheritHostTimezone":true,"scrubLogs":false}`),
	foreign("runtimeoptions", "runtimeoptions.v1.Options", wire.String(1, "io.containerd.runhcs.v1.options"),
		wire.String(2, `C:\shim.toml`)),
	foreign("runc", "containerd.runc.v1.Options", wire.String(3, RuncMarker), wire.String(6, RuncMarker)),
}

func foreign(name, typ string, value ...wire.Part) OptionsRequest {
	return OptionsRequest{Name: name, Type: typ, Value: wire.Message(value).Encode()}
}

func runhcs(name, text string) OptionsRequest {
	value := table.Must(proto.MarshalOptions{Deterministic: true}.Marshal(table.Parse(text)))
	return OptionsRequest{Name: name, Type: contract.OptionsName, JSON: text, Value: value}
}

// Requested is the entry of RequestedOptions with that name. An unknown one is a
// mistake in a list of the lab's.
func Requested(name string) OptionsRequest {
	i := slices.IndexFunc(RequestedOptions, func(o OptionsRequest) bool { return o.Name == name })
	if i < 0 {
		panic(fmt.Sprintf("recorded: no options are called %q", name))
	}
	return RequestedOptions[i]
}

// Folder has recordings.json and passages.json, which make -C lab record writes.
const Folder = "lab/compat/recorded/"

var (
	//go:embed recordings.json
	recordings []byte
	//go:embed passages.json
	passages []byte
)

// Recordings returns what has been recorded of containerd's releases.
func Recordings() (all []Recording) { return *table.Must(&all, json.Unmarshal(recordings, &all)) }

// Passages returns what has been recorded of containerd's daemons.
func Passages() (all []Passage) { return *table.Must(&all, json.Unmarshal(passages, &all)) }

// Name is the name of the recording's case.
func (r Recording) Name() string {
	what := r.Request.Options
	if r.Request.LogLevel != "info" {
		what += "_" + r.Request.LogLevel
	}
	if r.Request.SocketDir != "" {
		what += "_socket-dir"
	}
	return r.name(what)
}

func (o Origin) name(what string) string {
	shim := strings.TrimPrefix(o.Request.Shim, "containerd-shim-")
	return fmt.Sprintf("recorded_%s_%s_%s_%s", o.Containerd, shim, o.Request.Action, what)
}

// Merge makes one of the passages of releases that did the same. All of the same options
// or setting stand together.
func Merge(all []Passage) (merged []Passage) {
	done := func(p Passage) string {
		p.Containerd = nil
		return table.Lines([]Passage{p}, "")
	}
	for _, asked := range Grouped(all, func(p Passage) string { return p.Options + p.Setting }) {
		for _, same := range Grouped(asked, done) {
			p := same[0]
			for _, other := range same[1:] {
				p.Containerd = slices.Concat(p.Containerd, other.Containerd)
			}
			merged = append(merged, p)
		}
	}
	return merged
}

// Grouped are items with the same key, in the order of the first ones.
func Grouped[T any, K comparable](items []T, key func(T) K) (groups [][]T) {
	at := make(map[K]int)
	for _, item := range items {
		k := key(item)
		i, ok := at[k]
		if !ok {
			i, at[k] = len(groups), len(groups)
			groups = append(groups, nil)
		}
		groups[i] = append(groups[i], item)
	}
	return groups
}

// Cases are the cases of the corpus that these are: the recordings; then of the passages
// what a setting becomes on standard input, where no other recording has it, and each
// CreateTaskRequest.Options once.
func Cases(recordings []Recording, passages []Passage) (cases []corpus.Case) {
	seen, origins := map[string]bool{"create": true}, make(map[string]Origin)
	for _, r := range recordings {
		c := r.newCase(r.Name(), r.Stdin)
		if c.Outcome == contract.Options {
			c.Class = "recorded-" + r.Request.Options
			if r.Request.Options == "all" && !bytes.Contains(c.Options, []byte("scrubLogs")) {
				c.Class += "-but-scrub-logs" // see arriving, in the tests
			}
		}
		if r.Stdin == nil {
			c.Note = "No standard input at all."
		}
		cases = append(cases, c)
		seen["start"+string(r.Stdin)], origins[r.Containerd] = true, r.Origin
	}
	add := func(p Passage, action, what string, b order.Hex, flags ...string) {
		if seen[action+string(b)] {
			return
		}
		seen[action+string(b)] = true
		if p.Through == ThroughSandbox {
			what += "_sandbox"
		}
		o := origins[p.Containerd[0]]
		o.Entry = "client.Container.NewTask"
		o.Request = Request{p.Shim, action, p.Options, p.Setting, "info", order.SocketDir}
		cases = append(cases, o.newCase(o.name(what), b, flags...))
	}
	for _, p := range passages {
		if p.Setting != "" {
			add(p, "start", "toml_"+p.Setting, p.Start)
		}
	}
	for _, p := range passages {
		if p.Options != "" {
			add(p, "create", p.Options, p.Create, "Create")
		}
	}
	return cases
}

// newCase has the answer that the contract gives a runhcs shim to what a containerd wrote.
// That these are the options that it was given the tests say.
func (o Origin) newCase(name string, b []byte, flags ...string) corpus.Case {
	c := corpus.Case{Name: name, Outcome: contract.None, Flags: append([]string{"Recorded"}, flags...),
		Origin: table.Must(json.Marshal(o))}
	c.Payload.Bytes = b
	if slices.ContainsFunc(stdin.Anys(b), func(a []byte) bool {
		url, _ := stdin.AnyParts(a)
		return stdin.TypeName(url) == contract.OptionsName
	}) {
		opts := new(options.Options)
		table.Must(opts, proto.Unmarshal(stdin.OptionsBytes(b), opts))
		c.Outcome, c.Options = contract.Options, table.Must(protojson.Marshal(opts))
	} else if len(b) > 0 && !stdin.IsBootstrap(b) {
		c.Outcome = contract.Foreign
	}
	return c
}
