// Package recorded has what each release of containerd was recorded to write to shims, which
// is also in the corpus.
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
)

// Recording is what a shim found when containerd's own code started it.
type Recording struct {
	Origin
	order.Seen
}

// Origin says where a recording comes from.
type Origin struct {
	Containerd string        `json:"containerd"` // release
	Module     string        `json:"module"`
	Sum        string        `json:"sum"`     // of the module, as in go.sum
	Entry      string        `json:"entry"`   // function of containerd's that started the shim
	Request    order.Request `json:"request"` // its options are one of RequestedOptions
}

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
	opts := new(options.Options)
	must(opts, protojson.Unmarshal([]byte(text), opts))
	value := must(proto.MarshalOptions{Deterministic: true}.Marshal(opts))
	return OptionsRequest{Name: name, Type: contract.OptionsName, Value: value}
}

// must returns v. An error is a mistake in what is written here.
func must[T any](v T, err error) T {
	if err != nil {
		panic(fmt.Sprintf("recorded: %v", err))
	}
	return v
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

// File has the recordings, which make -C lab record writes.
const File = "lab/compat/recorded/recordings.json"

//go:embed recordings.json
var recordings []byte

// Recordings returns what has been recorded of containerd's releases.
func Recordings() (all []Recording) { return *must(&all, json.Unmarshal(recordings, &all)) }

// Name is the name of the recording's case.
func (r Recording) Name() string {
	what := r.Request.Options
	if r.Request.LogLevel != "info" {
		what += "_" + r.Request.LogLevel
	}
	if r.Request.SocketDir != "" {
		what += "_socket-dir"
	}
	shim := strings.TrimPrefix(r.Request.Shim, "containerd-shim-")
	return fmt.Sprintf("recorded_%s_%s_%s_%s", r.Containerd, shim, r.Request.Action, what)
}

// Cases are the cases of the corpus that recordings are.
func Cases(recordings []Recording) (cases []corpus.Case) {
	for _, r := range recordings {
		cases = append(cases, r.newCase())
	}
	return cases
}

// newCase has the answer that the contract gives a runhcs shim to what containerd wrote.
// That these are the options that it was given the tests say.
func (r Recording) newCase() corpus.Case {
	c := corpus.Case{Name: r.Name(), Outcome: contract.None, Flags: []string{"Recorded"},
		Origin: must(json.Marshal(r.Origin))}
	c.Payload.Bytes = r.Stdin
	isOptions := func(a []byte) bool {
		url, _ := stdin.AnyParts(a)
		return stdin.TypeName(url) == contract.OptionsName
	}
	switch {
	case r.Stdin == nil:
		c.Note = "No standard input at all."
	case slices.ContainsFunc(stdin.Anys(r.Stdin), isOptions):
		opts := new(options.Options)
		must(opts, proto.Unmarshal(stdin.OptionsBytes(r.Stdin), opts))
		c.Outcome, c.Options = contract.Options, must(protojson.Marshal(opts))
		c.Class = "recorded-" + r.Request.Options
		if r.Request.Options == "all" && !bytes.Contains(c.Options, []byte("scrubLogs")) {
			c.Class += "-but-scrub-logs" // see arriving, in the tests
		}
	case len(r.Stdin) > 0 && !stdin.IsBootstrap(r.Stdin):
		c.Outcome = contract.Foreign
	}
	return c
}
