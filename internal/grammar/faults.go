package grammar

import (
	"bytes"
	"fmt"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/reflect/protoreflect"

	"shimfuzz/internal/wire"
)

// site is what the tokens that stand at every level need to know of theirs.
type site struct {
	varint  protowire.Number // a known field of this type, 0 if there is none
	bytes   protowire.Number // a known field of this type, 0 if there is none
	text    protowire.Number // a known string, 0 if there is none
	unknown protowire.Number // the lowest number that no message of the level has
	depth   int              // of the message in its parse, as the freedom depth counts
}

func (g *Grammar) allSites() map[Level]site {
	inOptions := site{unknown: g.unknownNumber()}
	if list := g.scalars(isVarint); len(list) > 0 {
		inOptions.varint = list[0].Number()
	}
	isText := func(fd protoreflect.FieldDescriptor) bool { return !isVarint(fd) }
	if list := g.scalars(isText); len(list) > 0 {
		inOptions.text, inOptions.bytes = list[0].Number(), list[min(2, len(list)-1)].Number()
	}
	return map[Level]site{
		Legacy:    {bytes: 2, text: 1, unknown: 10},
		Bootstrap: {varint: 3, bytes: 8, text: 1, unknown: 10},
		Extension: {bytes: 1, text: 1, unknown: 2, depth: 1},
		Any:       {bytes: 1, text: 1, unknown: 3, depth: 2},
		Options:   inOptions,
		Entry:     {bytes: 1, text: 1, unknown: 3, depth: 1},
		Group:     {unknown: 1, depth: 3},
	}
}

// unknownNumber is the number behind the highest one of Options' fields, and at least
// the first that no released Options of hcsshim have.
func (g *Grammar) unknownNumber() protowire.Number {
	n := protowire.Number(21)
	fields := g.message.Descriptor().Fields()
	for i := range fields.Len() {
		n = max(n, fields.Get(i).Number()+1)
	}
	return n
}

// The types of fields, by what the tokens' names call them.
var types = []struct {
	name string
	typ  protowire.Type
}{
	{"varint", protowire.VarintType}, {"fixed64", protowire.Fixed64Type}, {"bytes", protowire.BytesType},
	{"group", protowire.StartGroupType}, {"fixed32", protowire.Fixed32Type},
}

// ofType is a field of any number and type.
func ofType(num protowire.Number, typ protowire.Type) wire.Part {
	switch typ {
	case protowire.VarintType:
		return wire.Varint(num, 1)
	case protowire.Fixed32Type:
		return wire.Fixed32(num, 1)
	case protowire.Fixed64Type:
		return wire.Fixed64(num, 1)
	case protowire.StartGroupType:
		return wire.Group(num, wire.Varint(1, 1), wire.Group(num, wire.String(2, "inner")))
	}
	return wire.Bytes(num, []byte{0x08, 1})
}

// otherType is a known field with a wire type that it does not have.
func otherType(num protowire.Number, not protowire.Type) (list []Token) {
	for _, t := range types {
		if t.typ != not {
			list = append(list, part(fmt.Sprintf("field %d as %s", num, t.name), "unknown", ofType(num, t.typ)))
		}
	}
	return list
}

// unknowns are the fields that no reader knows, in every legal encoding.
func unknowns(p site) (list []Token) {
	for _, t := range types {
		list = append(list, part("unknown "+t.name, "unknown", ofType(p.unknown, t.typ)))
	}
	n := p.unknown
	deep := func(levels int) Token {
		return raw(fmt.Sprintf("groups %d deep", levels), "depth", nested(levels-p.depth))
	}
	return append(list,
		part("unknown 1000", "unknown", wire.Varint(1000, 1<<64-1)),
		part("unknown 19000", "unknown", wire.Bytes(19000, []byte{0xff, 0})), // reserved for protobuf itself
		part("unknown of the highest number", "unknown", wire.Group(protowire.MaxValidNumber)),
		part("unknown of 200 bytes", "unknown", wire.Bytes(n, make([]byte, 200))),
		part("unknown of 100,000 bytes", "unknown S2", wire.Bytes(n, make([]byte, 100_000))).single(),
		part("unknown, tag in 5 bytes", "varint", wire.Varint(n, 1).WideTag(5)),
		part("unknown, value in 10 bytes", "varint", wire.Varint(n, 0).Wide(10)),
		part("unknown, length in 5 bytes", "varint", wire.Bytes(n, []byte{1}).Wide(5)),
		part("unknown group, tags in 5 bytes", "varint", wire.Group(n, wire.Varint(1, 1)).WideTag(5)),
		part("unknown, tag in 6 bytes", "wide-tag", wire.Varint(n, 1).WideTag(6)).free("wide-tag"),
		part("unknown, tag in 10 bytes", "wide-tag", wire.Varint(n, 1).WideTag(10)).free("wide-tag"),
		part("unknown, length in 6 bytes", "wide-tag", wire.Bytes(n, []byte{1}).Wide(6)).free("wide-tag"),
		part("unknown, length in 10 bytes", "wide-tag", wire.Bytes(n, nil).Wide(10)).free("wide-tag"),
		part("unknown group, tags in 6 bytes", "wide-tag", wire.Group(n,
			wire.Varint(1, 1)).WideTag(6)).free("wide-tag"),
		part("varint-over-64-bits", "over-64-bits", wire.Tag(1000, protowire.VarintType),
			over64(0xff, 2)).free("over-64-bits"),
		part("group-varint-over-64-bits", "over-64-bits", inGroup(wire.Tag(1, protowire.VarintType),
			over64(0x80, 0x7f))).free("over-64-bits"),
		deep(95), deep(99), deep(100).free("depth"), deep(10_001).free("depth").single(),
		deep(10_003).free("depth").single(),
	)
}

// over64 is a varint of ten bytes with bits beyond the 64th in the last one.
func over64(low, last byte) wire.Part {
	return wire.Raw(append(append([]byte{low}, bytes.Repeat([]byte{low | 0x80}, 8)...), last))
}

func nested(depth int) []byte {
	return append(bytes.Repeat([]byte{15<<3 | 3}, depth), bytes.Repeat([]byte{15<<3 | 4}, depth)...)
}

func inGroup(parts ...wire.Part) wire.Part {
	all := wire.Message{wire.Tag(1000, protowire.StartGroupType)}
	all = append(all, parts...)
	return wire.Raw(append(all, wire.Tag(1000, protowire.EndGroupType)).Encode())
}

// tooDeep is more than protobuf-go's own limit of 10,001 groups, and than the
// contract's of 10,003 levels.
const tooDeep = 10_010

// allFaults are what makes a message of a level malformed, one fault each: the malformed
// payloads M2 to M14 of the contract, those that are Open last.
func (g *Grammar) allFaults() map[Level][]Token {
	all := make(map[Level][]Token)
	for l, p := range g.sites {
		all[l] = faultsOf(l, p)
	}
	return all
}

func faultsOf(l Level, p site) []Token {
	one := wire.Raw([]byte{1})
	list := []Token{
		part("wire-type-6", "M2", wire.Tag(1, 6)),
		part("wire-type-7", "M2", wire.Tag(1, 7)),
		part("wire-type-6-unknown", "M2", wire.Tag(1000, 6), one),
		part("field-0", "M3", wire.Tag(0, protowire.VarintType), one),
		part("field-0-fixed64", "M3", wire.Tag(0, protowire.Fixed64Type), wire.Raw(make([]byte, 8))),
		part("field-0-bytes", "M3", wire.Tag(0, protowire.BytesType), one, one),
		part("field-0-group", "M3", wire.Tag(0, protowire.StartGroupType), wire.Tag(0, protowire.EndGroupType)),
		part("field-0-fixed32", "M3", wire.Tag(0, protowire.Fixed32Type), wire.Raw(make([]byte, 4))),
		part("field-above-max", "M4", wire.Tag(1<<29, protowire.VarintType), one),
		part("field-above-32-bits", "M4", wire.Tag(1<<40, protowire.VarintType), one),
		part("field-above-max-far", "M4", wire.Tag(1<<43|1, protowire.VarintType), wire.Raw([]byte{0xd2, 0x09})),
		raw("tag-11-bytes", "M5", wire.WideVarint(8, 11), []byte{1}),
		raw("tag-over-64-bits", "M4", bytes.Repeat([]byte{0x88}, 9), []byte{2, 1}),
		part("varint-11-bytes", "M5", wire.Tag(1000, protowire.VarintType), wire.Raw(wire.WideVarint(1, 11))),
		part("length-11-bytes", "M5", wire.Tag(1000, protowire.BytesType), wire.Raw(wire.WideVarint(0, 11))),
		part("length-above-32-bits", "M6", wire.Tag(1000, protowire.BytesType), wire.Raw(wire.WideVarint(1<<32|1, 0)),
			one),
		part("length-huge-first", "M6", wire.Tag(1, protowire.BytesType), wire.Raw(wire.WideVarint(1<<31-1, 0))),
		part("group-end-stray", "M7", wire.Tag(1000, protowire.EndGroupType)),
		part("group-end-of-another", "M9", wire.Tag(1000, protowire.StartGroupType),
			wire.Tag(1001, protowire.EndGroupType)),
		part("group-ends-crossed", "M9", inGroup(wire.Tag(5, protowire.StartGroupType),
			wire.Tag(6, protowire.EndGroupType))),
		raw("groups-one-too-deep", "M10 depth", nested(10_004-p.depth)).single(),
		raw("group-too-deep", "M10", nested(tooDeep)).single(),
		part("group-wire-type-6", "M2", inGroup(wire.Tag(1, 6))),
		part("group-field-0", "M3", inGroup(wire.Tag(0, protowire.VarintType), one)),
		part("group-field-above-max", "M4", inGroup(wire.Tag(1<<29, protowire.VarintType), one)),
		part("group-varint-11-bytes", "M5", inGroup(wire.Tag(1, protowire.VarintType),
			wire.Raw(wire.WideVarint(1, 11)))),
		part("group-length-above-32-bits", "M6", inGroup(wire.Tag(1, protowire.BytesType),
			wire.Raw(wire.WideVarint(1<<32, 0)))),
	}
	if p.varint != 0 {
		tag := protowire.EncodeTag(p.varint, protowire.VarintType)
		list = append(list,
			raw("tag-above-32-bits-varint", "M4", wire.WideVarint(1<<32|tag, 0), []byte{1}),
			raw("tag-slightly-above-32-bits", "M4", wire.WideVarint(1<<34|tag, 0), []byte{0xd2, 0x09}),
			part("known-varint-11-bytes", "M5", wire.Tag(uint64(p.varint), protowire.VarintType),
				wire.Raw(wire.WideVarint(1, 11))),
			part("known-group-end", "M7", wire.Tag(uint64(p.varint), protowire.EndGroupType)),
			part("known-wire-type-7", "M2", wire.Tag(uint64(p.varint), 7), one))
	}
	if p.bytes != 0 {
		tag := protowire.EncodeTag(p.bytes, protowire.BytesType)
		list = append(list,
			raw("tag-above-32-bits-bytes", "M4", wire.WideVarint(1<<32|tag, 0), []byte{0}),
			raw("known-length-above-32-bits", "M6", wire.WideVarint(tag, 0), wire.WideVarint(1<<32, 0)),
			raw("known-length-above-32-bits-and", "M6", wire.WideVarint(tag, 0), wire.WideVarint(1<<32|2, 0),
				[]byte{8, 1}),
			part("known-bytes-group-end", "M7", wire.Tag(uint64(p.bytes), protowire.EndGroupType)))
	}
	for i := range list {
		list[i].Kind = Fault
	}
	list = append(append(list, notUTF8(l, p.text)...), ends(p)...)
	if l == Legacy || l == Bootstrap || l == Options {
		list = append(list, formats()...)
	}
	return list
}

// formats are the beginnings of what is no protobuf, or protobuf in something else.
func formats() []Token {
	return []Token{
		raw("json", "M12", []byte(`{"debug":true}`)).open(), raw("text", "M12", []byte("debug: true")).open(),
		raw("toml", "M12", []byte("Debug = true")).open(),
		raw("grpc-head", "M13", []byte{0, 0, 0, 0, 5}).fault(), raw("ttrpc-head", "M13",
			[]byte{0, 0, 0, 5, 0, 0, 0, 1, 1, 0}).fault(),
		raw("bom", "M14", []byte("\ufeff")).open(), raw("nul", "M14", []byte{0}).fault(),
	}
}

// ends are the faults of a message that ends too early.
func ends(p site) []Token {
	list := []Token{
		part("length-past-end", "M1 M6", wire.Tag(1000, protowire.BytesType), wire.Raw([]byte{2, 'x'})),
		part("length-huge", "M6", wire.Tag(1000, protowire.BytesType), wire.Raw(wire.WideVarint(1<<63-1, 0))),
		part("length-negative", "M6", wire.Tag(1000, protowire.BytesType), wire.Raw(wire.WideVarint(1<<64-1, 0))),
		part("fixed32-cut", "M1", wire.Tag(1000, protowire.Fixed32Type), wire.Raw([]byte{1, 2, 3})),
		part("fixed64-cut", "M1", wire.Tag(1000, protowire.Fixed64Type), wire.Raw([]byte{1, 2, 3, 4, 5, 6, 7})),
		part("group-end-missing", "M1 M8", wire.Tag(1000, protowire.StartGroupType)),
		part("group-end-cut", "M1 M8", wire.Tag(1000, protowire.StartGroupType), wire.Raw([]byte{0xc4})),
		part("tag-cut", "M1", wire.Raw([]byte{0x80})),
		part("value-missing", "M1", wire.Tag(uint64(p.unknown), protowire.VarintType)),
		part("value-cut", "M1", wire.Tag(uint64(p.unknown), protowire.VarintType), wire.Raw([]byte{0x80})),
		part("length-missing", "M1", wire.Tag(uint64(p.unknown), protowire.BytesType)),
		part("length-cut", "M1", wire.Tag(uint64(p.unknown), protowire.BytesType), wire.Raw([]byte{0x80})),
	}
	for i := range list {
		list[i].Kind = Open
	}
	return list
}
