package findings

import (
	"bytes"
	"errors"

	"github.com/Microsoft/hcsshim/cmd/containerd-shim-runhcs-v1/options"
	bootstrap "github.com/containerd/containerd/api/runtime/bootstrap/v1"
	"golang.org/x/mod/semver"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/anypb"

	"shimfuzz/internal/contract"
	"shimfuzz/internal/findings"
	"shimfuzz/internal/grammar"
	"shimfuzz/internal/reference"
	"shimfuzz/internal/stdin"
	"shimfuzz/internal/wire"
)

// What programs other than the extracted readOptions make of a payload is modelled here and
// in rust.go, exactly for what containerd was recorded to send (corpus/recorded), and in
// lcow-v2 and pkg/shim for damaged payloads, too: make -C lab matrix holds the models to that.
type model func(l List, b []byte) contract.Outcome

var (
	none   = contract.Outcome{Kind: contract.None}
	failed = contract.Outcome{Kind: contract.Error}
)

// of predicts that a program's model answers wrongly to the payloads that a finding is of.
func (m model) of(is payloads) findings.Prediction {
	return func(l List, b []byte, want contract.Outcome) (contract.Outcome, bool) {
		got := m(l, b)
		return got, is(b, want, got)
	}
}

// The payloads that findings are of, and the wrong answers to them.
type payloads func(b []byte, want, got contract.Outcome) bool

var (
	bootstrapParams payloads = func(b []byte, _, _ contract.Outcome) bool { return stdin.IsBootstrap(b) }
	legacy          payloads = func(b []byte, _, _ contract.Outcome) bool { return !stdin.IsBootstrap(b) }
	legacyOptions   payloads = func(b []byte, want, _ contract.Outcome) bool {
		return !stdin.IsBootstrap(b) && want.Kind == contract.Options
	}
	foreign payloads = func(_ []byte, want, _ contract.Outcome) bool { return want.Kind == contract.Foreign }
	// runc's are linked into runhcs-v1
	notLinked payloads = func(b []byte, want, _ contract.Outcome) bool {
		url, _ := stdin.AnyParts(b)
		return want.Kind == contract.Foreign && url != RuncOptions
	}
	unreadable payloads = func(b []byte, want, _ contract.Outcome) bool {
		return stdin.IsBootstrap(b) || want.Kind == contract.Malformed
	}
	// no BootstrapParams decode from it, either
	damaged payloads = func(b []byte, want, _ contract.Outcome) bool {
		return want.Kind == contract.Malformed && proto.Unmarshal(b, new(bootstrap.BootstrapParams)) != nil
	}
	tooLong payloads = func(b []byte, _, _ contract.Outcome) bool { return len(b) > maxPkgShim }
	// damaged in a group alone
	groupInBootstrap payloads = func(b []byte, want, _ contract.Outcome) bool {
		return stdin.IsBootstrap(b) && want.Kind == contract.Malformed &&
			reference.AnswerWithBadNumbers(contract.Stdin, b).Kind != want.Kind
	}
)

// legacyOnly refuses BootstrapParams as an Any whose type is the container's ID, which in
// every recording is web-1.
var legacyOnly model = func(List, []byte) contract.Outcome {
	return contract.Outcome{Kind: contract.Error, Err: errors.New("web-1: not found")}
}

// drops goes on without options.
var drops model = func(List, []byte) contract.Outcome { return none }

// withoutNewFields decodes legacy options without the fields that hcsshim v0.10 has added.
var withoutNewFields model = func(_ List, b []byte) contract.Outcome {
	got := reference.Answer(b)
	if got.Options == nil {
		return got
	}
	m := got.Options.ProtoReflect()
	for _, name := range []protoreflect.Name{"default_container_annotations", "no_inherit_host_timezone",
		"scrub_logs"} {
		m.Clear(m.Descriptor().Fields().ByName(name))
	}
	return got
}

// maxPkgShim is how many bytes of its standard input pkg/shim reads.
const maxPkgShim = 10 << 20

// pkgShim is containerd's pkg/shim, and runc-v2, which is built on it since 2.3. In 2.3,
// where the bytes are no BootstrapParams, it goes on with the extensions before the fault;
// runc-v2 with runc's Options, if they are an Any of those. Before, it reads such an Any, and
// drops all else; later, it refuses what is no BootstrapParams.
var pkgShim model = func(l List, b []byte) contract.Outcome {
	before := func(version string) bool { return semver.Compare(l.Version, version) < 0 }
	name, isBootstrap := OptionsType(l.Program), stdin.IsBootstrap(b)
	b = b[:min(len(b), maxPkgShim)]
	var params bootstrap.BootstrapParams
	err := proto.Unmarshal(b, &params)
	switch {
	case !before("v2.4.0") && !isBootstrap:
		return contract.Outcome{Kind: contract.Error, Err: errors.New("deprecated API")}
	case !before("v2.4.0") && err != nil:
		return failed
	case name == RuncOptions && (err != nil || before("v2.3.0")) && isRuncAny(b):
		return contract.Outcome{Kind: contract.Options}
	case before("v2.3.0"):
		return none
	}
	return extensionAnswer(&params, name)
}

// isRuncAny reports whether b is an Any of runc's Options, and decodes.
func isRuncAny(b []byte) bool {
	var a anypb.Any
	return proto.Unmarshal(b, &a) == nil && stdin.TypeName(a.GetTypeUrl()) == RuncOptions &&
		!decode(RuncOptions, a.GetValue()).Kind.IsError()
}

// lcow is lcow-v2. It has no readOptions: whatever the bytes, they are BootstrapParams to it,
// none at all included, and the first extension that names Options decides. Without one there
// are none.
var lcow model = func(_ List, b []byte) contract.Outcome {
	var params bootstrap.BootstrapParams
	if proto.Unmarshal(b, &params) != nil {
		return failed
	}
	return extensionAnswer(&params, contract.OptionsName)
}

// extensionAnswer is what the first extension of a type has, by its full name.
func extensionAnswer(params *bootstrap.BootstrapParams, name string) contract.Outcome {
	for _, e := range params.GetExtensions() {
		if stdin.TypeName(e.GetValue().GetTypeUrl()) == name {
			return decode(name, e.GetValue().GetValue())
		}
	}
	return none
}

// decode decodes Options, without an error's text: protobuf words it differently from one binary
// to the next. Of runc's, which the suite does not link, it checks the wire format only.
func decode(name string, value []byte) contract.Outcome {
	if name == RuncOptions {
		if _, rest := wire.Parse(value); len(rest) > 0 {
			return failed
		}
		return contract.Outcome{Kind: contract.Options}
	}
	opts := new(options.Options)
	if proto.Unmarshal(value, opts) != nil {
		return failed
	}
	return grammar.Sent(opts)
}

// behindUnread makes BootstrapParams whose Options stand where pkg/shim no longer reads.
func behindUnread(name string, options ...wire.Part) func() []byte {
	return func() []byte {
		head := wire.Message{wire.String(1, "web-1"), wire.String(2, "k8s.io")}
		const unknown, tagAndLength = 100, 2 + 4 // bytes of the latter
		filler := wire.Bytes(unknown, make([]byte, maxPkgShim-len(head.Encode())-tagAndLength))
		return append(head, filler, wire.Sub(8, wire.Sub(1, wire.String(1, name), wire.Sub(2, options...)))).Encode()
	}
}

// largeSize is far beyond what containerd sends, and six times what containerd
// 2.4's own shims read.
const largeSize = 64 << 20

// large makes a legacy payload of largeSize in one string field of its Options.
func large(num protowire.Number) func() []byte {
	return func() []byte {
		return grammar.PlainAny(contract.OptionsName, wire.Bytes(num, bytes.Repeat([]byte("x"), largeSize)).Append(nil))
	}
}

// inExtension makes of a legacy payload what containerd sends from 2.3 on.
func inExtension(legacy func() []byte) func() []byte {
	return func() []byte {
		return wire.Message{wire.String(4, "2.3.7"), wire.Sub(8, wire.Bytes(1, legacy()))}.Encode()
	}
}
