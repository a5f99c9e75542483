package findings

import (
	"bytes"
	"errors"
	"slices"

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
	"shimfuzz/lab/compat/recorded"
)

// The predictions below are for programs other than the extracted readOptions, and
// exact for what containerd was recorded to send (corpus/recorded). Those of lcow-v2
// and of pkg/shim are exact for damaged payloads, too: make -C lab matrix holds them to that.

var (
	none   = contract.Outcome{Kind: contract.None}
	failed = contract.Outcome{Kind: contract.Error}
)

// noSuchType predicts that BootstrapParams are refused as an Any whose type is
// the container's ID, which in every recording is web-1.
func noSuchType(_ List, b []byte, _ contract.Outcome) (contract.Outcome, bool) {
	return contract.Outcome{Kind: contract.Error, Err: errors.New("web-1: not found")}, stdin.IsBootstrap(b)
}

// foreignDropped predicts that options of a type that is not linked are dropped:
// runc's are linked into both of the programs that drop any.
func foreignDropped(_ List, b []byte, want contract.Outcome) (contract.Outcome, bool) {
	url, _ := stdin.AnyParts(b)
	return none, want.Kind == contract.Foreign && url != RuncOptions
}

// legacyDropped predicts what containerd 2.3's pkg/shim makes of a legacy payload:
// whatever it holds is dropped, except for runc's Options whose bytes are no UTF-8.
func legacyDropped(l List, b []byte, want contract.Outcome) (contract.Outcome, bool) {
	return pkgShimAnswer(l.Program, b), !stdin.IsBootstrap(b) && want.Kind != contract.None
}

// damageIgnored predicts what containerd 2.3's pkg/shim makes of a payload that is
// damaged and no BootstrapParams to it.
func damageIgnored(l List, b []byte, want contract.Outcome) (contract.Outcome, bool) {
	return pkgShimAnswer(l.Program, b), want.Kind == contract.Malformed && !isBootstrapParams(b)
}

func isBootstrapParams(b []byte) bool {
	return proto.Unmarshal(b, new(bootstrap.BootstrapParams)) == nil
}

// endUnread predicts what pkg/shim makes of a payload whose end it does not read. Since
// 2.4 it refuses one that is cut within a field.
func endUnread(l List, b []byte, _ contract.Outcome) (contract.Outcome, bool) {
	if semver.Compare(l.Version, "v2.4.0") >= 0 && !isBootstrapParams(b[:min(len(b), maxPkgShim)]) {
		return failed, len(b) > maxPkgShim
	}
	return pkgShimAnswer(l.Program, b), len(b) > maxPkgShim
}

// legacyRefused predicts that a legacy payload, or none at all, is refused.
func legacyRefused(_ List, b []byte, want contract.Outcome) (contract.Outcome, bool) {
	return contract.Outcome{Kind: contract.Error, Err: errors.New("deprecated API")}, !stdin.IsBootstrap(b) &&
		want.Kind != contract.Foreign
}

// unreadableDropped predicts that BootstrapParams and what is damaged cannot be read
// and is dropped.
func unreadableDropped(_ List, b []byte, want contract.Outcome) (contract.Outcome, bool) {
	return none, stdin.IsBootstrap(b) || want.Kind == contract.Malformed
}

// withoutFields predicts legacy options without some of their fields.
func withoutFields(names ...protoreflect.Name) findings.Prediction {
	return func(_ List, b []byte, want contract.Outcome) (contract.Outcome, bool) {
		if stdin.IsBootstrap(b) || want.Kind != contract.Options {
			return contract.Outcome{}, false
		}
		m := proto.Clone(want.Options).ProtoReflect()
		for _, name := range names {
			m.Clear(m.Descriptor().Fields().ByName(name))
		}
		return grammar.Sent(m.Interface().(*options.Options)), true
	}
}

// maxPkgShim is how many bytes of its standard input pkg/shim reads.
const maxPkgShim = 10 << 20

// pkgShimAnswer is what a program makes of its standard input that is built on
// containerd 2.3's pkg/shim. Where the bytes are no BootstrapParams it goes on with
// the extensions before the fault; runc-v2 with runc's Options, if they are an Any of those.
func pkgShimAnswer(program string, b []byte) contract.Outcome {
	b = b[:min(len(b), maxPkgShim)]
	var params bootstrap.BootstrapParams
	err := proto.Unmarshal(b, &params)
	if program != RuncV2 {
		return extensionAnswer(&params, contract.OptionsName)
	}
	if err != nil && isRuncAny(b) {
		return contract.Outcome{Kind: contract.Options}
	}
	return extensionAnswer(&params, RuncOptions)
}

// isRuncAny reports whether b is an Any of runc's Options, and decodes.
func isRuncAny(b []byte) bool {
	var a anypb.Any
	return proto.Unmarshal(b, &a) == nil && stdin.TypeName(a.GetTypeUrl()) == RuncOptions &&
		!decode(RuncOptions, a.GetValue()).Kind.IsError()
}

// LCOWAnswer is what lcow-v2 makes of its standard input. It has no readOptions:
// whatever the bytes, they are BootstrapParams to it, none at all included, and
// the first extension that names Options decides. Without one there are none.
func LCOWAnswer(b []byte) contract.Outcome {
	var params bootstrap.BootstrapParams
	if err := proto.Unmarshal(b, &params); err != nil {
		return contract.Outcome{Kind: contract.Error, Err: err}
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

// decode decodes Options. Of runc's, which the suite does not link, it checks the
// wire format only.
func decode(name string, value []byte) contract.Outcome {
	if name == RuncOptions {
		if _, rest := wire.Parse(value); len(rest) > 0 {
			return failed
		}
		return contract.Outcome{Kind: contract.Options}
	}
	opts := new(options.Options)
	if err := proto.Unmarshal(value, opts); err != nil {
		return contract.Outcome{Kind: contract.Error, Err: err}
	}
	return grammar.Sent(opts)
}

func lcowLosesLegacy(_ List, b []byte, want contract.Outcome) (contract.Outcome, bool) {
	got := LCOWAnswer(b)
	got.Err = nil // protobuf words its errors differently from one binary to the next
	return got, !stdin.IsBootstrap(b) && want.Kind == contract.Options
}

func lcowLegacyIsDefault(_ List, b []byte, want contract.Outcome) (contract.Outcome, bool) {
	return LCOWAnswer(b), !stdin.IsBootstrap(b) && want.Kind.IsError()
}

// groupInBootstrap predicts that what stands in a damaged group is not seen. pkg/shim
// and lcow-v2 make the same of BootstrapParams that decode.
func groupInBootstrap(_ List, b []byte, want contract.Outcome) (contract.Outcome, bool) {
	accepted := reference.AnswerWithBadNumbers(contract.Stdin, b)
	return LCOWAnswer(b), stdin.IsBootstrap(b) && want.Kind == contract.Malformed && accepted.Kind != want.Kind
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

// The predictions below are for rust-extensions, which decodes field 2 of whatever
// message it is given as runc's Options, and uses their cgroup.

// cgroupField is the number of shim_cgroup in runc's Options.
const cgroupField = 3

// asRuncOptions is what rust-extensions makes of the value of an Any: Options if they
// have a cgroup, and none if not. It is false if the value does not decode.
func asRuncOptions(value []byte) (contract.Outcome, bool) {
	fields, rest := wire.Parse(value)
	got := none
	for _, f := range fields {
		if f.Num == cgroupField && f.Type == protowire.BytesType {
			got = none
			if len(f.Value) > 0 {
				got = contract.Outcome{Kind: contract.Options}
			}
		}
	}
	return got, len(rest) == 0
}

// namespaceRefused predicts that a namespace is refused that is not protobuf. In every
// recording it is k8s.io, whose third byte is no tag.
func namespaceRefused(_ List, b []byte, _ contract.Outcome) (contract.Outcome, bool) {
	_, namespace := stdin.AnyParts(b)
	if _, decodes := asRuncOptions(namespace); decodes || !stdin.IsBootstrap(b) {
		return contract.Outcome{}, false
	}
	if string(namespace) == "k8s.io" {
		return contract.Outcome{Kind: contract.Error, Err: errors.New("IncorrectTag(46)")}, true
	}
	return failed, true
}

// namespaceIsOptions predicts that a namespace which is protobuf stands in for the options.
func namespaceIsOptions(_ List, b []byte, want contract.Outcome) (contract.Outcome, bool) {
	_, namespace := stdin.AnyParts(b)
	got, decodes := asRuncOptions(namespace)
	return got, decodes && stdin.IsBootstrap(b) && !want.Kind.IsError()
}

// typeURLIgnored predicts that an Any of options of another type is read as runc's.
func typeURLIgnored(_ List, b []byte, want contract.Outcome) (contract.Outcome, bool) {
	_, value := stdin.AnyParts(b)
	got, decodes := asRuncOptions(value)
	return got, decodes && want.Kind == contract.Foreign
}

// groupEndsUnmatched predicts the answer to the same Any with the numbers of the ends
// of its own groups corrected, not of those in its value.
func groupEndsUnmatched(_ List, b []byte, want contract.Outcome) (contract.Outcome, bool) {
	matched := slices.Clone(b)
	matchGroupEnds(matched)
	_, rest := wire.Parse(matched)
	_, value := stdin.AnyParts(matched)
	got, decodes := asRuncOptions(value)
	return got, want.Kind == contract.Malformed && !stdin.IsBootstrap(b) && len(rest) == 0 && decodes &&
		!bytes.Equal(matched, b)
}

// matchGroupEnds gives the end of each group in a message its start's number, if both
// take as many bytes. It stops at any other fault.
func matchGroupEnds(b []byte) {
	var open []protowire.Number
	for len(b) > 0 {
		num, typ, n := protowire.ConsumeTag(b)
		if n < 0 || typ == protowire.EndGroupType && len(open) == 0 {
			return
		}
		switch typ {
		case protowire.StartGroupType:
			open = append(open, num)
		case protowire.EndGroupType:
			start := protowire.EncodeTag(open[len(open)-1], typ)
			if protowire.SizeVarint(start) <= n {
				copy(b, wire.WideVarint(start, n))
			}
			open = open[:len(open)-1]
		default:
			m := protowire.ConsumeFieldValue(num, typ, b[n:])
			if m < 0 {
				return
			}
			n += m
		}
		b = b[n:]
	}
}

// inNamespace makes BootstrapParams with runc's Options of a container in a namespace.
func inNamespace(namespace string) func() []byte {
	return func() []byte {
		p := &bootstrap.BootstrapParams{InstanceID: "web-1", Namespace: namespace, ContainerdVersion: "v2.4.2"}
		options := wire.Message{wire.String(cgroupField, recorded.RuncMarker)}.Encode()
		return grammar.Start(recorded.OrdinaryShim, p, RuncOptions, options)
	}
}
