package handwritten

import (
	"bytes"

	"github.com/Microsoft/hcsshim/cmd/containerd-shim-runhcs-v1/options"
	bootstrap "github.com/containerd/containerd/api/runtime/bootstrap/v1"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"

	"shimfuzz/internal/stdin"
	"shimfuzz/internal/wire"
)

// families are bugs in telling BootstrapParams from a legacy Any, and in what
// becomes of the input that is neither.
var families = []Bug{
	{"any-that-decodes-wins",
		"Legacy first, because most nodes still have it: an ID that is a type's name is mistaken for one.",
		answers(func(a *answer) {
			var legacy anypb.Any
			own := new(options.Options)
			if proto.Unmarshal(a.payload, &legacy) == nil && namesOptions(legacy.TypeUrl) &&
				proto.Unmarshal(legacy.Value, own) == nil {
				a.opts, a.err = own, nil
			}
		})},
	{"params-that-decode-win", "The new protocol first, and whatever decodes as BootstrapParams was mistaken for them.",
		where(func(a *answer) bool {
			return !a.isParams() && proto.Unmarshal(a.payload, new(bootstrap.BootstrapParams)) == nil
		}, giveDefaults)},
	{"params-only", "Support for the old protocol was dropped with the old containerd.",
		refused(func(a *answer) bool { return a.opts != nil && !a.isParams() })},
	{"any-only", "The new protocol was not known (hcsshim up to v0.15.0-rc.3: bootstrap-rejected).",
		refused((*answer).isParams)},
	{"params-by-version-field", "containerd always sends its version, so that field was used as the mark.",
		where(func(a *answer) bool { return a.isParams() && !has(a.payload, 4) }, refuse)},
	{"params-by-extensions-field", "Only the extensions matter here, so that field was used as the mark.",
		where(func(a *answer) bool { return a.isParams() && !has(a.payload, 8) }, refuse)},
	{"params-by-a-byte", "0x42 is the tag of extensions; it is a letter, too.",
		where(func(a *answer) bool {
			return a.opts != nil && a.err == nil && !a.isParams() && bytes.IndexByte(a.payload, 0x42) >= 0
		}, giveDefaults)},
	{"params-by-order", "Marshalers write fields in order, so only the last one was looked at.",
		where(func(a *answer) bool {
			all, _ := wire.Parse(a.payload)
			return a.isParams() && all[len(all)-1].Num < 3
		}, refuse)},
	{"errors-are-defaults", "A container with default options is better than none.", where(failed, giveDefaults)},
	{"errors-are-empty-options", "The zero value is useful.", where(failed, giveEmpty)},
	{"stray-bytes-are-defaults", "Invalid bytes on stdin were treated as no options.",
		where(func(a *answer) bool {
			_, rest := wire.Parse(a.payload)
			return a.err != nil && len(rest) > 0
		}, giveDefaults)},
	{"cut-off-end-dropped", "A reader that takes what it can get.",
		payloads(func(b []byte) []byte { _, rest := wire.Parse(b); return b[:len(b)-len(rest)] })},
	{"nothing-is-an-error", "No options looked like a failure of the sender.",
		refused(func(a *answer) bool { return a.opts == nil })},
	{"nothing-is-empty-options", "So that callers need not check for nil.",
		where(func(a *answer) bool { return a.opts == nil && a.err == nil }, giveEmpty)},
	{"empty-stdin-is-empty-options", "Zero bytes are a well-formed message.",
		where(func(a *answer) bool { return len(a.payload) == 0 }, giveEmpty)},
	{"json-fallback", "For debugging by hand.",
		answers(func(a *answer) {
			own := new(options.Options)
			if a.err != nil && protojson.Unmarshal(a.payload, own) == nil {
				a.opts, a.err = own, nil
			}
		})},
	{"bare-options-accepted", "A test sent Options without the Any, and was made to pass.",
		answers(func(a *answer) {
			own := new(options.Options)
			if a.opts == nil && len(a.payload) > 0 && proto.Unmarshal(a.payload, own) == nil &&
				len(own.ProtoReflect().GetUnknown()) == 0 {
				a.opts, a.err = own, nil
			}
		})},
	{"any-in-any-unwrapped", "Something wrapped twice once.",
		payloads(func(b []byte) []byte {
			if url, value := stdin.AnyParts(b); !stdin.IsBootstrap(b) && url == "google.protobuf.Any" {
				return value
			}
			return b
		})},
	{"linked-types-are-errors-only", "Types that are not linked in cannot be somebody's options.",
		where(func(a *answer) bool { return a.err != nil && !a.isParams() && a.url() != "" && !linked(a.url()) },
			giveDefaults)},
}

func failed(a *answer) bool { return a.err != nil }

func has(b []byte, num protowire.Number) bool {
	return anyField(b, func(f wire.Field) bool { return f.Num == num })
}
