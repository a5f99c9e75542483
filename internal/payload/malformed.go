package payload

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/Microsoft/hcsshim/cmd/containerd-shim-runhcs-v1/options"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/reflect/protoreflect"

	"shimfuzz/internal/contract"
	"shimfuzz/internal/stdin"
	"shimfuzz/internal/wire"
)

// Fault damages the body of one message so that it is malformed.
type Fault struct {
	Name   string
	Damage func(rnd Rand, level Level, body []byte) []byte
}

// tooDeep is more nested groups than protobuf-go's recursion limit of 10,000
// allows anywhere.
const tooDeep = 10_010

// Faults are the malformed classes of the contract that can affect a message
// of any level, one fault each.
var Faults = []Fault{
	{"truncated", truncated},
	{"wire-type-6", inserted(wire.Tag(1, 6))},
	{"wire-type-7", inserted(wire.Tag(1, 7))},
	{"field-0", inserted(wire.Tag(0, protowire.VarintType), wire.Raw([]byte{1}))},
	{"field-above-max", inserted(wire.Tag(1<<29, protowire.VarintType), wire.Raw([]byte{1}))},
	{"field-above-32-bits", inserted(wire.Tag(1<<40, protowire.VarintType), wire.Raw([]byte{1}))},
	{"tag-11-bytes", inserted(wire.Raw(wire.WideVarint(8, 11)), wire.Raw([]byte{1}))},
	{"tag-over-64-bits", inserted(wire.Raw(append(bytes.Repeat([]byte{0x88}, 9), 2)), wire.Raw([]byte{1}))},
	{"varint-11-bytes", inserted(wire.Tag(1000, protowire.VarintType), wire.Raw(wire.WideVarint(1, 11)))},
	{"varint-over-64-bits", inserted(wire.Tag(1000, protowire.VarintType), wire.Raw(append(bytes.Repeat([]byte{0xff}, 9), 2)))},
	{"length-11-bytes", inserted(wire.Tag(1000, protowire.BytesType), wire.Raw(wire.WideVarint(0, 11)))},
	{"length-past-end", appended(wire.Tag(1000, protowire.BytesType), wire.Raw([]byte{2, 'x'}))},
	{"length-huge", appended(wire.Tag(1000, protowire.BytesType), wire.Raw(wire.WideVarint(1<<63-1, 0)))},
	{"length-huge-first", prepended(wire.Tag(1, protowire.BytesType), wire.Raw(wire.WideVarint(1<<31-1, 0)))},
	{"length-negative", appended(wire.Tag(1000, protowire.BytesType), wire.Raw(wire.WideVarint(1<<64-1, 0)))},
	{"fixed32-cut", appended(wire.Tag(1000, protowire.Fixed32Type), wire.Raw([]byte{1, 2, 3}))},
	{"fixed64-cut", appended(wire.Tag(1000, protowire.Fixed64Type), wire.Raw([]byte{1, 2, 3, 4, 5, 6, 7}))},
	{"group-end-stray", inserted(wire.Tag(1000, protowire.EndGroupType))},
	{"group-end-missing", appended(wire.Tag(1000, protowire.StartGroupType))},
	{"group-end-of-another", inserted(wire.Tag(1000, protowire.StartGroupType), wire.Tag(1001, protowire.EndGroupType))},
	{"group-too-deep", inserted(nested(tooDeep))},
	{"group-wire-type-6", inserted(inGroup(wire.Tag(1, 6)))},
	{"group-field-0", inserted(inGroup(wire.Tag(0, protowire.VarintType), wire.Raw([]byte{1})))},
	{"group-field-above-max", inserted(inGroup(wire.Tag(1<<29, protowire.VarintType), wire.Raw([]byte{1})))},
	{"utf8-invalid", invalidUTF8("\xff")},
	{"utf8-overlong", invalidUTF8("\xc0\xaf")},
	{"utf8-surrogate", invalidUTF8("\xed\xa0\x80")},
	{"utf8-cut", invalidUTF8("\xe6\x97")},
}

// inserted puts parts between two fields of the body, wherever that is.
func inserted(parts ...wire.Part) func(Rand, Level, []byte) []byte {
	return func(rnd Rand, _ Level, body []byte) []byte {
		ends := stdin.Boundaries(body)
		return slices.Insert(slices.Clone(body), pick(rnd, ends), wire.Message(parts).Encode()...)
	}
}

// appended puts parts at the body's end, because what they begin would swallow
// the fields behind them.
func appended(parts ...wire.Part) func(Rand, Level, []byte) []byte {
	return func(_ Rand, _ Level, body []byte) []byte {
		return append(slices.Clone(body), wire.Message(parts).Encode()...)
	}
}

// prepended puts parts before the body: where a reader meets them first, still
// without any reason to doubt what they say.
func prepended(parts ...wire.Part) func(Rand, Level, []byte) []byte {
	return func(_ Rand, _ Level, body []byte) []byte {
		return append(wire.Message(parts).Encode(), body...)
	}
}

// truncated cuts the body inside a field. A cut between two fields would leave
// a complete message.
func truncated(rnd Rand, _ Level, body []byte) []byte {
	fields, _ := wire.Parse(body)
	if len(fields) == 0 {
		return []byte{0x0a}
	}
	f := pick(rnd, fields)
	return slices.Clone(body[:f.Offset+1+rnd.Intn(len(f.Raw)-1)])
}

func nested(depth int) wire.Part {
	start := wire.Message{wire.Tag(15, protowire.StartGroupType)}.Encode()
	end := wire.Message{wire.Tag(15, protowire.EndGroupType)}.Encode()
	return wire.Raw(append(bytes.Repeat(start, depth), bytes.Repeat(end, depth)...))
}

func inGroup(parts ...wire.Part) wire.Part {
	all := wire.Message{wire.Tag(1000, protowire.StartGroupType)}
	all = append(all, parts...)
	return wire.Raw(append(all, wire.Tag(1000, protowire.EndGroupType)).Encode())
}

// invalidUTF8 adds a string field of the level's message that is no UTF-8. An
// Extension has no string field; its fault goes into a second Any in it.
func invalidUTF8(bad string) func(Rand, Level, []byte) []byte {
	return func(rnd Rand, level Level, body []byte) []byte {
		fault := wire.Sub(1, wire.String(1, bad))
		if level != InExtension {
			fault = wire.String(pick(rnd, stringFields(level)), bad)
		}
		return inserted(fault)(rnd, level, body)
	}
}

func stringFields(level Level) (nums []protowire.Number) {
	fields := map[Level]protoreflect.MessageDescriptor{
		BootstrapTop: paramsDescriptor, LegacyTop: anyDescriptor, InAny: anyDescriptor, InOptions: optionsDescriptor,
		InAnnotations: optionsDescriptor.Fields().ByName("default_container_annotations").Message(),
	}[level].Fields()
	for i := range fields.Len() {
		if fd := fields.Get(i); fd.Kind() == protoreflect.StringKind {
			nums = append(nums, fd.Number())
		}
	}
	return nums
}

// LegacyLevels and BootstrapLevels are where a fault can sit in each family.
var (
	LegacyLevels    = []Level{LegacyTop, InOptions, InAnnotations}
	BootstrapLevels = []Level{BootstrapTop, InExtension, InAny, InOptions, InAnnotations}
)

// Malformed draws a valid payload with one fault in the message of one level.
func Malformed(rnd Rand) Payload { return MalformedOf(rnd, Options(rnd)) }

// MalformedOf is Malformed of given options, plus an annotation so that there
// is an entry to damage.
func MalformedOf(rnd Rand, opts *options.Options) Payload {
	if opts.DefaultContainerAnnotations == nil {
		opts.DefaultContainerAnnotations = make(map[string]string)
	}
	opts.DefaultContainerAnnotations["key"] = "value"
	fault := pick(rnd, Faults)
	if rnd.Intn(2) == 0 {
		return DamagedLegacy(rnd, AllVariations, opts, pick(rnd, LegacyLevels), fault)
	}
	return DamagedBootstrap(rnd, AllVariations, opts, pick(rnd, BootstrapLevels), fault)
}

// DamagedLegacy is Legacy with the fault in it. A fault among the annotations
// needs options that have one.
func DamagedLegacy(rnd Rand, variations Variations, opts *options.Options, level Level, fault Fault) Payload {
	e := damaging(rnd, variations, level, fault)
	return damaged(e.legacy(e.url(contract.OptionsName), e.options(opts)), "legacy Any", level, fault)
}

// DamagedBootstrap is Bootstrap with the fault in it, as DamagedLegacy.
func DamagedBootstrap(rnd Rand, variations Variations, opts *options.Options, level Level, fault Fault) Payload {
	e := damaging(rnd, variations, level, fault)
	return damaged(e.bootstrap(opts), "BootstrapParams", level, fault)
}

func damaging(rnd Rand, variations Variations, level Level, fault Fault) *encoder {
	return &encoder{rnd: rnd, variations: variations, level: level, damage: func(body []byte) []byte {
		return fault.Damage(rnd, level, body)
	}}
}

func damaged(b []byte, family string, level Level, fault Fault) Payload {
	return Payload{b, contract.Outcome{Kind: contract.Malformed}, fmt.Sprintf("%s, %s in %s", family, fault.Name, level)}
}

// Framed draws a valid payload in a frame that protobuf does not have: each
// frame puts an invalid tag where a tag is read.
func Framed(rnd Rand) Payload {
	p := Valid(rnd, AllVariations)
	frame := pick(rnd, Frames)
	p.Bytes = frame.Wrap(p.Bytes)
	p.Want = contract.Outcome{Kind: contract.Malformed}
	p.Description = frame.Name + " around " + p.Description
	return p
}

// Frame wraps a payload.
type Frame struct {
	Name string
	Wrap func([]byte) []byte
}

// Frames are wrappings met in the field or easily made by mistake.
var Frames = []Frame{
	{"grpc-frame", func(b []byte) []byte {
		return append(binary.BigEndian.AppendUint32([]byte{0}, uint32(len(b))), b...)
	}},
	{"ttrpc-frame", func(b []byte) []byte { // length, stream, type, flags
		head := binary.BigEndian.AppendUint32(nil, uint32(len(b)))
		return append(append(head, 0, 0, 0, 1, 1, 0), b...)
	}},
	{"utf8-bom", func(b []byte) []byte { return append([]byte("\ufeff"), b...) }},
	{"utf16-bom", func(b []byte) []byte { return append([]byte{0xff, 0xfe}, append([]byte{0}, b...)...) }},
	{"nul-before", func(b []byte) []byte { return append([]byte{0}, b...) }},
	{"nul-after", func(b []byte) []byte { return append(slices.Clone(b), 0) }},
	{"newline-after", func(b []byte) []byte { return append(slices.Clone(b), '\n') }},
}
