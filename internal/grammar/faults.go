package grammar

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"

	bootstrap "github.com/containerd/containerd/api/runtime/bootstrap/v1"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"

	"shimfuzz/internal/wire"
)

// site is what is said of the message of a level.
type site struct {
	fields  []field
	varint  protowire.Number // a known field of this type, 0 if there is none
	bytes   protowire.Number // a known field of this type, 0 if there is none
	text    protowire.Number // a known string, 0 if there is none
	unknown protowire.Number // the lowest number that no message of the level has
	depth   int              // of the message in its parse, as the freedom depth counts
}

func (g *Grammar) allSites() map[Level]site {
	of := func(m proto.Message) []field { return fieldsOf(m.ProtoReflect().Descriptor()) }
	inAny, params, extension := of(new(anypb.Any)), of(new(bootstrap.BootstrapParams)), of(new(bootstrap.Extension))
	sites := map[Level]site{
		Legacy:    {fields: inAny, bytes: 2, text: 1, unknown: 10},
		Bootstrap: {fields: params, varint: 3, bytes: 8, text: 1, unknown: 10},
		Extension: {fields: extension, bytes: 1, text: 1, unknown: 2, depth: 1},
		Any:       {fields: inAny, bytes: 1, text: 1, unknown: 3, depth: 2},
		Options:   g.optionsSite(),
		Group:     {unknown: 1, depth: 3},
	}
	if g.entries != nil {
		sites[Entry] = site{fields: fieldsOf(g.entries.Message()), bytes: 1, text: 1, unknown: 3, depth: 1}
	}
	return sites
}

func (g *Grammar) optionsSite() site {
	s := site{fields: fieldsOf(g.message.Descriptor()), unknown: 21} // which no released Options of hcsshim have
	var texts []protowire.Number
	for _, f := range s.fields {
		s.unknown = max(s.unknown, f.num+1)
		switch {
		case !f.drawn || f.IsMap():
		case isVarint(f):
			s.varint = cmp.Or(s.varint, f.num)
		default:
			texts = append(texts, f.num)
		}
	}
	if len(texts) > 0 {
		s.text, s.bytes = texts[0], texts[min(2, len(texts)-1)]
	}
	return s
}

// types are a field of each wire type, by what the tokens' names call it.
var types = []struct {
	name  string
	typ   protowire.Type
	field func(num protowire.Number) wire.Part
}{
	{"varint", protowire.VarintType, func(num protowire.Number) wire.Part { return wire.Varint(num, 1) }},
	{"fixed64", protowire.Fixed64Type, func(num protowire.Number) wire.Part { return wire.Fixed64(num, 1) }},
	{"bytes", protowire.BytesType, func(num protowire.Number) wire.Part { return wire.String(num, "\x08\x01") }},
	{"group", protowire.StartGroupType, func(num protowire.Number) wire.Part {
		return wire.Group(num, wire.Varint(1, 1), wire.Group(num, wire.String(2, "inner")))
	}},
	{"fixed32", protowire.Fixed32Type, func(num protowire.Number) wire.Part { return wire.Fixed32(num, 1) }},
}

// otherType is a known field with a wire type that it does not have.
func otherType(num protowire.Number, not protowire.Type) (list []Token) {
	for _, t := range types {
		if t.typ != not {
			list = append(list, part(fmt.Sprintf("field %d as %s", num, t.name), "unknown", t.field(num)))
		}
	}
	return list
}

// unknowns are the fields that no reader knows, in every legal encoding.
func unknowns(s site) (list []Token) {
	n := s.unknown
	for _, t := range types {
		list = append(list, part("unknown "+t.name, "unknown", t.field(n)))
	}
	deep := func(levels int) Token {
		return part(fmt.Sprintf("groups %d deep", levels), "depth", nested(levels-s.depth))
	}
	free := func(name, freedom string, parts ...wire.Part) Token {
		return part(name, freedom, parts...).free(freedom)
	}
	one, bytes, group := wire.Varint(n, 1), wire.Bytes(n, []byte{1}), wire.Group(n, wire.Varint(1, 1))
	return append(list,
		part("unknown 1000", "unknown", wire.Varint(1000, 1<<64-1)),
		part("unknown 19000", "unknown", wire.Bytes(19000, []byte{0xff, 0})), // reserved for protobuf itself
		part("unknown of the highest number", "unknown", wire.Group(protowire.MaxValidNumber)),
		part("unknown of 200 bytes", "unknown", wire.Bytes(n, make([]byte, 200))),
		part("unknown of 100,000 bytes", "unknown S2", wire.Bytes(n, make([]byte, 100_000))).single(),
		part("unknown, tag in 5 bytes", "varint", one.WideTag(5)),
		part("unknown, value in 10 bytes", "varint", wire.Varint(n, 0).Wide(10)),
		part("unknown, length in 5 bytes", "varint", bytes.Wide(5)),
		part("unknown group, tags in 5 bytes", "varint", group.WideTag(5)),
		free("unknown, tag in 6 bytes", "wide-tag", one.WideTag(6)),
		free("unknown, tag in 10 bytes", "wide-tag", one.WideTag(10)),
		free("unknown, length in 6 bytes", "wide-tag", bytes.Wide(6)),
		free("unknown, length in 10 bytes", "wide-tag", wire.Bytes(n, nil).Wide(10)),
		free("unknown group, tags in 6 bytes", "wide-tag", group.WideTag(6)),
		free("varint-over-64-bits", "over-64-bits", wire.Tag(1000, protowire.VarintType), over64(0xff, 2)),
		free("group-varint-over-64-bits", "over-64-bits",
			wire.Group(1000, wire.Tag(1, protowire.VarintType), over64(0x80, 0x7f))),
		part("unknown numbers at which tags grow", "unknown", wire.Varint(2047, 1), wire.Varint(2048, 1),
			wire.Varint(1<<18-1, 1), wire.Varint(1<<18, 1), wire.Varint(1<<25-1, 1), wire.Varint(1<<25, 1)).single(),
		distinctUnknown(s, 101), distinctUnknown(s, 1001),
		part("101 groups in a row", "unknown", slices.Repeat([]wire.Part{wire.Group(n)}, 101)...).single(),
		part("101 groups in a group", "unknown",
			wire.Group(n, slices.Repeat([]wire.Part{wire.Group(1)}, 101)...)).single(),
		deep(95), deep(99), deep(100).free("depth"), deep(10_001).free("depth").single(),
		deep(10_003).free("depth").single(),
	)
}

// distinctUnknown are so many unknown fields, each of its own number.
func distinctUnknown(s site, n int) Token {
	var parts []wire.Part
	for i := range n {
		parts = append(parts, wire.Varint(s.unknown+protowire.Number(i), 1))
	}
	return part(fmt.Sprintf("%d unknown fields", n), "unknown S2", parts...).single()
}

// over64 is a varint of ten bytes with bits beyond the 64th in the last one.
func over64(low, last byte) wire.Part {
	return wire.Raw(append(append([]byte{low}, bytes.Repeat([]byte{low | 0x80}, 8)...), last))
}

func nested(depth int) wire.Part {
	return wire.Raw(append(bytes.Repeat([]byte{15<<3 | 3}, depth), bytes.Repeat([]byte{15<<3 | 4}, depth)...))
}

// faultsOf are what makes a message of a level malformed, one fault each: the malformed
// payloads M2 to M14 of the contract, those that are Open last.
func faultsOf(l Level, s site) []Token {
	list := slices.Concat(brokenFields(s), brokenKnown(s))
	list = slices.Concat(each(list, Token.fault), notUTF8At(l, s.text), ends(s))
	if l == Legacy || l == Bootstrap || l == Options {
		list = append(list, formats()...)
	}
	return list
}

// Pieces of faults.
var (
	one = wire.Raw([]byte{1})
	// wider has one byte more than a varint may have
	wider = func(v uint64) wire.Part { return wire.Raw(wire.WideVarint(v, 11)) }
	// length is that of bytes that are not there
	length = func(v uint64) wire.Part { return wire.Raw(wire.WideVarint(v, 0)) }
)

func brokenFields(s site) []Token {
	const varint, bytesType, fixed32, fixed64 = protowire.VarintType, protowire.BytesType, protowire.Fixed32Type,
		protowire.Fixed64Type
	const start, end = protowire.StartGroupType, protowire.EndGroupType
	return []Token{
		part("wire-type-6", "M2", wire.Tag(1, 6)),
		part("wire-type-7", "M2", wire.Tag(1, 7)),
		part("wire-type-6-unknown", "M2", wire.Tag(1000, 6), one),
		part("field-0", "M3", wire.Tag(0, varint), one),
		part("field-0-fixed64", "M3", wire.Tag(0, fixed64), wire.Raw(make([]byte, 8))),
		part("field-0-bytes", "M3", wire.Tag(0, bytesType), one, one),
		part("field-0-group", "M3", wire.Tag(0, start), wire.Tag(0, end)),
		part("field-0-fixed32", "M3", wire.Tag(0, fixed32), wire.Raw(make([]byte, 4))),
		part("field-above-max", "M4", wire.Tag(1<<29, varint), one),
		part("field-above-32-bits", "M4", wire.Tag(1<<40, varint), one),
		part("field-above-max-far", "M4", wire.Tag(1<<43|1, varint), length(1234)),
		part("tag-11-bytes", "M5", wider(8), one),
		part("tag-over-64-bits", "M4", over64(0x88, 2), one),
		part("varint-11-bytes", "M5", wire.Tag(1000, varint), wider(1)),
		part("length-11-bytes", "M5", wire.Tag(1000, bytesType), wider(0)),
		part("length-above-32-bits", "M6", wire.Tag(1000, bytesType), length(1<<32|1), one),
		part("length-huge-first", "M6", wire.Tag(1, bytesType), length(1<<31-1)),
		part("group-end-stray", "M7", wire.Tag(1000, end)),
		part("group-end-of-another", "M9", wire.Tag(1000, start), wire.Tag(1001, end)),
		part("group-ends-crossed", "M9", wire.Group(1000, wire.Tag(5, start), wire.Tag(6, end))),
		part("groups-one-too-deep", "M10 depth", nested(10_004-s.depth)).single(),
		part("group-too-deep", "M10", nested(10_010)).single(), // protobuf-go's own limit is 10,001 groups
		part("group-wire-type-6", "M2", wire.Group(1000, wire.Tag(1, 6))),
		part("group-field-0", "M3", wire.Group(1000, wire.Tag(0, varint), one)),
		part("group-field-above-max", "M4", wire.Group(1000, wire.Tag(1<<29, varint), one)),
		part("group-varint-11-bytes", "M5", wire.Group(1000, wire.Tag(1, varint), wider(1))),
		part("group-length-above-32-bits", "M6", wire.Group(1000, wire.Tag(1, bytesType), length(1<<32))),
	}
}

// groupEnds are the ends of groups whose numbers differ from those of their starts in one bit.
func groupEnds() (list []Token) {
	for bit := 1; bit < 1<<29; bit <<= 1 {
		const start = 1000
		end := wire.Tag(start^uint64(bit), protowire.EndGroupType)
		list = append(list, part(fmt.Sprintf("group-end %d for %d", start^bit, start), "M9",
			wire.Tag(start, protowire.StartGroupType), end).fault().single())
	}
	return list
}

// repeated are the fields of a message, each many times in a row.
func repeated(message []Token) (list []Token) {
	for _, t := range message {
		for _, n := range []int{3, 11, 101, 1001} {
			list = append(list, block(fmt.Sprintf("%d times %s", n, t.Name), "S2 repeat",
				slices.Repeat([]Token{t}, n)...))
		}
	}
	return list
}

// widths are the fields of a message, each with its tag, and its length or value, of every width.
func widths(message []Token) (list []Token) {
	for _, t := range message {
		for n := 2; n <= widestValue; n++ {
			list = append(list, t.wide("usual "+t.Name, width{"tag", n}, width{"length", n})...)
		}
	}
	return each(list, Token.single)
}

// aliased are unknown fields whose numbers become those of a message's fields if they are cut to
// fewer bits.
func aliased(message []Token) (list []Token) {
	for _, t := range message {
		f := t.means.field
		for _, bits := range []int{5, 8, 13, 16, 21, 24} {
			num := f + 1<<bits
			field := wire.String(num, t.means.text)
			if t.means.text == "" {
				field = wire.Varint(num, t.means.number)
			}
			list = append(list, part(fmt.Sprintf("number %d+2^%d", f, bits), "unknown", field).single())
		}
	}
	return list
}

// brokenKnown are tags that a reader takes for those of known fields if it cuts them to 32
// bits, and the rest of what only a known field shows.
func brokenKnown(s site) (list []Token) {
	if num := uint64(s.varint); num != 0 {
		tag := protowire.EncodeTag(s.varint, protowire.VarintType)
		list = append(list,
			part("tag-above-32-bits-varint", "M4", length(1<<32|tag), one),
			part("tag-slightly-above-32-bits", "M4", length(1<<34|tag), length(1234)),
			part("known-varint-11-bytes", "M5", length(tag), wider(1)),
			part("known-group-end", "M7", wire.Tag(num, protowire.EndGroupType)),
			part("known-wire-type-7", "M2", wire.Tag(num, 7), one))
	}
	if num := uint64(s.bytes); num != 0 {
		tag := protowire.EncodeTag(s.bytes, protowire.BytesType)
		list = append(list,
			part("tag-above-32-bits-bytes", "M4", length(1<<32|tag), length(0)),
			part("known-length-above-32-bits", "M6", length(tag), length(1<<32)),
			part("known-length-above-32-bits-and", "M6", length(tag), length(1<<32|2), wire.Raw([]byte{8, 1})),
			part("known-bytes-group-end", "M7", wire.Tag(num, protowire.EndGroupType)))
	}
	return list
}

// formats are the beginnings of what is no protobuf, or protobuf in something else.
func formats() []Token {
	of := func(name, rules, s string) Token { return part(name, rules, wire.Raw([]byte(s))) }
	return []Token{
		of("json", "M12", `{"debug":true}`).open(), of("text", "M12", "debug: true").open(),
		of("toml", "M12", "Debug = true").open(), of("grpc-head", "M13", "\x00\x00\x00\x00\x05").fault(),
		of("ttrpc-head", "M13", "\x00\x00\x00\x05\x00\x00\x00\x01\x01\x00").fault(),
		of("bom", "M14", "\ufeff").open(), of("nul", "M14", "\x00").fault(),
	}
}

// ends are the faults of a message that ends too early.
func ends(s site) []Token {
	cut := func(name, rules string, num protowire.Number, typ protowire.Type, rest ...byte) Token {
		return part(name, rules, wire.Tag(uint64(num), typ), wire.Raw(rest)).open()
	}
	return []Token{
		cut("length-past-end", "M1 M6", 1000, protowire.BytesType, 2, 'x'),
		cut("length-huge", "M6", 1000, protowire.BytesType, wire.WideVarint(1<<63-1, 0)...),
		cut("length-negative", "M6", 1000, protowire.BytesType, wire.WideVarint(1<<64-1, 0)...),
		cut("fixed32-cut", "M1", 1000, protowire.Fixed32Type, 1, 2, 3),
		cut("fixed64-cut", "M1", 1000, protowire.Fixed64Type, 1, 2, 3, 4, 5, 6, 7),
		cut("group-end-missing", "M1 M8", 1000, protowire.StartGroupType),
		cut("group-end-cut", "M1 M8", 1000, protowire.StartGroupType, 0xc4),
		part("tag-cut", "M1", wire.Raw([]byte{0x80})).open(),
		cut("value-missing", "M1", s.unknown, protowire.VarintType),
		cut("value-cut", "M1", s.unknown, protowire.VarintType, 0x80),
		cut("length-missing", "M1", s.unknown, protowire.BytesType),
		cut("length-cut", "M1", s.unknown, protowire.BytesType, 0x80),
	}
}

// notUTF8At are the faults of strings, in the field that stands for a level's others. A
// type URL at the top level is none where a later one overwrites it.
func notUTF8At(l Level, num protowire.Number) []Token {
	if num == 0 {
		return nil
	}
	return each(notUTF8(num, ""), func(t Token) Token {
		t.Kind, t.means = Fault, meaning{}
		switch l {
		case Legacy:
			t.Kind = Open
		case Extension: // it has no string of its own; the Any in it has
			t.Bytes = wire.Message{wire.Bytes(1, t.Bytes)}.Encode()
		}
		return t
	})
}
