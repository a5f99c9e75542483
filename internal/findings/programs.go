package findings

import (
	"bytes"
	"errors"

	"github.com/Microsoft/hcsshim/cmd/containerd-shim-runhcs-v1/options"
	bootstrap "github.com/containerd/containerd/api/runtime/bootstrap/v1"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"shimfuzz/internal/contract"
	"shimfuzz/internal/payload"
	"shimfuzz/internal/reference"
	"shimfuzz/internal/stdin"
	"shimfuzz/internal/wire"
)

// The predictions below are for programs other than the extracted readOptions,
// and exact for what containerd was recorded to send (corpus/recorded).

// noSuchType predicts that BootstrapParams are refused as an Any whose type is
// the container's ID, which in every recording is web-1.
func noSuchType(_ List, b []byte, _ contract.Outcome) (contract.Outcome, bool) {
	return contract.Outcome{Kind: contract.Error, Err: errors.New("web-1: not found")}, stdin.IsBootstrap(b)
}

// foreignDropped predicts that options of a type that is not linked are dropped:
// runc's are linked into both of the programs that drop any.
func foreignDropped(_ List, b []byte, want contract.Outcome) (contract.Outcome, bool) {
	url, _ := stdin.AnyParts(b)
	return none, want.Kind == contract.Foreign && url != "containerd.runc.v1.Options"
}

// legacyDropped predicts that whatever a legacy payload holds is dropped.
func legacyDropped(_ List, b []byte, want contract.Outcome) (contract.Outcome, bool) {
	return none, !stdin.IsBootstrap(b) && want.Kind != contract.None
}

// legacyRefused predicts that a legacy payload, or none at all, is refused.
func legacyRefused(_ List, b []byte, want contract.Outcome) (contract.Outcome, bool) {
	return contract.Outcome{Kind: contract.Error, Err: errors.New("deprecated API")}, !stdin.IsBootstrap(b) && want.Kind != contract.Foreign
}

// bootstrapDropped predicts that BootstrapParams cannot be read and their options
// are dropped.
func bootstrapDropped(_ List, b []byte, _ contract.Outcome) (contract.Outcome, bool) {
	return none, stdin.IsBootstrap(b)
}

// withoutFields predicts legacy options without some of their fields.
func withoutFields(names ...protoreflect.Name) prediction {
	return func(_ List, b []byte, want contract.Outcome) (contract.Outcome, bool) {
		if stdin.IsBootstrap(b) || want.Kind != contract.Options {
			return contract.Outcome{}, false
		}
		m := proto.Clone(want.Options).ProtoReflect()
		for _, name := range names {
			m.Clear(m.Descriptor().Fields().ByName(name))
		}
		return payload.Sent(m.Interface().(*options.Options)), true
	}
}

// LCOWAnswer is what lcow-v2 makes of its standard input. It has no readOptions:
// whatever the bytes, they are BootstrapParams to it, none at all included, and
// the first extension that names Options decides. Without one there are none.
func LCOWAnswer(b []byte) contract.Outcome {
	var params bootstrap.BootstrapParams
	if err := proto.Unmarshal(b, &params); err != nil {
		return contract.Outcome{Kind: contract.Error, Err: err}
	}
	for _, e := range params.GetExtensions() {
		if stdin.TypeName(e.GetValue().GetTypeUrl()) != contract.OptionsName {
			continue
		}
		opts := new(options.Options)
		if err := proto.Unmarshal(e.GetValue().GetValue(), opts); err != nil {
			return contract.Outcome{Kind: contract.Error, Err: err}
		}
		return payload.Sent(opts)
	}
	return payload.Sent(nil)
}

func lcowLosesLegacy(_ List, b []byte, want contract.Outcome) (contract.Outcome, bool) {
	got := LCOWAnswer(b)
	got.Err = nil // protobuf words its errors differently from one binary to the next
	return got, !stdin.IsBootstrap(b) && want.Kind == contract.Options
}

func lcowLegacyIsDefault(_ List, b []byte, want contract.Outcome) (contract.Outcome, bool) {
	return LCOWAnswer(b), !stdin.IsBootstrap(b) && want.Kind.IsError()
}

func lcowGroup(_ List, b []byte, want contract.Outcome) (contract.Outcome, bool) {
	legal := withLegalGroups(b)
	return LCOWAnswer(b), stdin.IsBootstrap(b) && !bytes.Equal(legal, b) && reference.Answer(legal).Kind != want.Kind
}

// largeSize is far beyond what containerd sends, and six times what containerd
// 2.4's own shims read.
const largeSize = 64 << 20

// large is a legacy payload of largeSize in one string field of its Options.
func large(num protowire.Number) []byte {
	return payload.PlainAny(contract.OptionsName, wire.Message{wire.Bytes(num, bytes.Repeat([]byte("x"), largeSize))}.Encode())
}

// inExtension is a legacy payload as containerd sends it from 2.3 on.
func inExtension(legacy []byte) []byte {
	return wire.Message{wire.String(4, "2.3.7"), wire.Sub(8, wire.Bytes(1, legacy))}.Encode()
}
