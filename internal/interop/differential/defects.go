package differential

import (
	"bytes"
	"context"
	"slices"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/reflect/protoreflect"

	"shimfuzz/internal/contract"
	"shimfuzz/internal/interop/examples"
	"shimfuzz/internal/stdin"
	"shimfuzz/internal/wire"
)

// asked is how the reader of an example is asked, and what is known of its engine.
var asked = map[string]Engine{
	"python": {Every: 11, Defects: []Defect{
		{Name: "wide-tag-unknown", Why: "a known field whose tag is longer than necessary is dropped (python_message.py, InternalParse: decoders_by_tag has the bytes of tags)", As: wideTagUnknown},
		{Name: "numbers-unchecked", Why: "a field number above 2^29-1, or 0 in a group, is one of an unknown field (decoder.py, _DecodeUnknownFieldSet)", As: numbersUnchecked},
		{Name: "end-tag-by-suffix", Why: "a group's end tag is compared with the last bytes only, and must be as short as possible (decoder.py, _DecodeUnknownField)", As: endTagBySuffix},
	}},
	"cpp": {Defects: []Defect{
		{Name: "cut-tag", Why: "a tag of 2^32 or more is cut to 32 bits (parse_context.h, ReadTag)", As: cutTag},
	}},
	"javascript": {Defects: []Defect{
		{Name: "wire-type-ignored", Why: "a known field is read as if it had its own wire type (from-binary.ts)", As: wireTypeIgnored},
		{Name: "cut-length", Why: "a length of 2^32 or more is cut to 32 bits (varint.ts, varint32read)", As: cutLength},
		{Name: "long-varint-skipped", Why: "an unknown varint may have more than 10 bytes (binary-encoding.ts, skip)", As: longVarintSkipped},
		{Name: "wire-type-ignored-minimal", Why: "the same in an ID and a namespace alone, which then are no BootstrapParams", Is: minimalRefused},
	}},
	"go": {Defects: []Defect{
		{Name: "numbers-unchecked-in-group", Why: "a field number above 2^29-1 in an unknown group is accepted (protowire, ConsumeFieldValue)", As: numbersUncheckedInGroup},
	}},
	"rust": {Defects: []Defect{
		{Name: "wire-type-refused", Why: "a known field with another wire type is an error, and one of a map is read as an entry (encoding.rs, check_wire_type and map)", As: wireTypeRefused},
		{Name: "wire-type-refused-minimal", Why: "the same in an ID and a namespace alone, which then are no BootstrapParams", Is: minimalRefused},
	}},
}

// Engines builds the example readers and returns them. The one in Go is built on the
// engine of the reference.
func Engines(ctx context.Context, root string) (all []Engine, err error) {
	for _, e := range examples.All() {
		engine := asked[e.Name]
		engine.Name, engine.On = e.Name, e.Engine
		if missing := e.Missing(); missing != "" {
			engine.NotRun = "there is no " + missing
		} else if engine.Command, err = e.Build(ctx, root); err != nil {
			return nil, err
		}
		if e.Name == "go" {
			engine.On += " (the reference's own)"
		}
		all = append(all, engine)
	}
	return all, nil
}

// misreading changes a tag, and what follows it, to what an engine takes it for. The
// number of bytes stays the same.
type misreading func(p place, tag, rest []byte)

// place is where a tag stands.
type place struct {
	message protoreflect.MessageDescriptor // nil if it is unknown
	open    []protowire.Number             // groups within it
}

// field describes a known field, else nil.
func (p place) field(num protowire.Number) protoreflect.FieldDescriptor {
	if p.message == nil || len(p.open) > 0 {
		return nil
	}
	return p.message.Fields().ByNumber(num)
}

func split(tag []byte) (num uint64, typ protowire.Type) {
	v, _ := protowire.ConsumeVarint(tag)
	return v >> 3, protowire.Type(v & 7)
}

func setType(tag []byte, typ protowire.Type) { tag[0] = tag[0]&^7 | byte(typ) }

// setUnknown gives a tag a number that is unknown where another of as many bytes is.
func setUnknown(tag []byte) {
	num := uint64(1000)
	if len(tag) == 1 {
		num = 15
	}
	copy(tag, wire.WideVarint(num<<3|uint64(tag[0]&7), len(tag)))
}

func cutTag(_ place, tag, _ []byte) {
	if len(tag) == 5 {
		tag[4] &= 0xf
	}
}

func cutLength(_ place, tag, rest []byte) {
	if _, typ := split(tag); typ != protowire.BytesType {
		return
	}
	n := sizeVarint(rest)
	for i := 4; i < n; i++ {
		mask := byte(0x80)
		if i == 4 {
			mask = 0x8f
		}
		rest[i] &= mask
	}
}

func longVarintSkipped(p place, tag, rest []byte) {
	num, typ := split(tag)
	n := 1 + slices.IndexFunc(rest, func(b byte) bool { return b < 0x80 })
	if typ != protowire.VarintType || n <= 10 || n > 128 || p.field(protowire.Number(num)) != nil {
		return
	}
	setUnknown(tag)
	setType(tag, protowire.BytesType)
	rest[0] = byte(n - 1)
}

func numbersUnchecked(p place, tag, _ []byte) {
	num, _ := split(tag)
	if num > uint64(protowire.MaxValidNumber) || num == 0 && len(p.open) > 0 {
		setUnknown(tag)
	}
}

func numbersUncheckedInGroup(p place, tag, _ []byte) {
	if num, _ := split(tag); num > uint64(protowire.MaxValidNumber) && num < 1<<31 && len(p.open) > 0 {
		setUnknown(tag)
	}
}

func wideTagUnknown(p place, tag, _ []byte) {
	num, typ := split(tag)
	if p.field(protowire.Number(num)) != nil && len(tag) > protowire.SizeVarint(num<<3|uint64(typ)) {
		setUnknown(tag)
	}
}

func endTagBySuffix(p place, tag, _ []byte) {
	num, typ := split(tag)
	if typ != protowire.EndGroupType || len(p.open) == 0 {
		return
	}
	open := p.open[len(p.open)-1]
	end := protowire.AppendTag(nil, open, protowire.EndGroupType)
	switch {
	case !bytes.HasSuffix(tag, end):
		setType(tag, 7)
	case num != uint64(open):
		copy(tag, wire.WideVarint(protowire.EncodeTag(open, protowire.EndGroupType), len(tag)))
	}
}

func wireTypeIgnored(p place, tag, _ []byte) {
	num, typ := split(tag)
	if fd := p.field(protowire.Number(num)); fd != nil && typ <= protowire.Fixed32Type {
		setType(tag, typeOf(fd))
	}
}

func wireTypeRefused(p place, tag, _ []byte) {
	num, typ := split(tag)
	fd := p.field(protowire.Number(num))
	switch {
	case fd == nil || typ == typeOf(fd) || typ > protowire.Fixed32Type:
	case fd.IsMap():
		setType(tag, protowire.BytesType)
	default:
		setType(tag, 7)
	}
}

func typeOf(fd protoreflect.FieldDescriptor) protowire.Type {
	switch fd.Kind() {
	case protoreflect.StringKind, protoreflect.BytesKind, protoreflect.MessageKind:
		return protowire.BytesType
	}
	return protowire.VarintType
}

// minimalRefused is about an ID and a namespace (R4b) that have a field of
// BootstrapParams with another wire type, which is refused in the one place where they are
// read as BootstrapParams.
func minimalRefused(q question, got contract.Outcome) bool {
	fields, rest := wire.Parse(q.payload)
	return got.Kind == contract.Foreign && q.want.Kind == contract.None && len(rest) == 0 && !stdin.IsBootstrap(q.payload) &&
		slices.ContainsFunc(fields, func(f wire.Field) bool { return f.Num >= 3 && f.Num <= 9 })
}

// misread returns what a payload is to an engine. Which message it is the engine finds out
// without a look at its known fields.
func misread(payload []byte, as misreading) []byte {
	top := slices.Clone(payload)
	eachTag(top, nil, as)
	isBootstrap := stdin.IsBootstrap(top)
	b := slices.Clone(payload)
	if isBootstrap {
		b = append([]byte{4<<3 | 2, 0}, b...) // keeps it one
		eachTag(b, paramsType, as)
		return b
	}
	eachTag(b, anyType, func(p place, tag, rest []byte) {
		as(p, tag, rest)
		if num, _ := split(tag); p.message == anyType && num >= 3 && num <= 9 && len(p.open) == 0 {
			setUnknown(tag)
		}
	})
	return b
}

var (
	paramsType = stdin.Descriptor(contract.Stdin, []byte{4<<3 | 2, 0})
	anyType    = stdin.Descriptor(contract.Stdin, nil)
)

// eachTag visits the tags of a message, and of the messages in it. It ends at the first
// that cannot be read.
func eachTag(b []byte, md protoreflect.MessageDescriptor, visit misreading) {
	var url, value []byte // of an Any
	p := place{message: md}
	for len(b) > 0 {
		n := sizeVarint(b)
		if n == 0 {
			return
		}
		visit(p, b[:n], b[n:])
		num, typ := split(b[:n])
		b = b[n:]
		size := sizeValue(b, typ)
		if size < 0 {
			return
		}
		switch {
		case typ == protowire.StartGroupType:
			p.open = append(p.open, protowire.Number(num))
		case typ == protowire.EndGroupType && len(p.open) == 0:
			return
		case typ == protowire.EndGroupType:
			p.open = p.open[:len(p.open)-1]
		case typ == protowire.BytesType:
			inside := b[sizeVarint(b):size]
			fd := p.field(protowire.Number(num))
			switch {
			case fd == nil:
			case fd.Message() != nil:
				eachTag(inside, fd.Message(), visit)
			case md == anyType && num == 1:
				url = inside
			case md == anyType:
				value = inside
			}
		}
		b = b[size:]
	}
	if stdin.TypeName(string(url)) == contract.OptionsName {
		eachTag(value, stdin.Inside(contract.OptionsName), visit)
	}
}

// sizeVarint is the number of bytes of a varint, also of one above 64 bits; 0 if there is none.
func sizeVarint(b []byte) int {
	for i, c := range b[:min(len(b), 10)] {
		if c < 0x80 {
			return i + 1
		}
	}
	return 0
}

// sizeValue is the number of bytes behind a tag, 0 for that of a group, -1 if they are not there.
func sizeValue(b []byte, typ protowire.Type) int {
	size := 0
	switch typ {
	case protowire.StartGroupType, protowire.EndGroupType:
		return 0
	case protowire.VarintType:
		size = sizeVarint(b)
	case protowire.Fixed32Type:
		size = 4
	case protowire.Fixed64Type:
		size = 8
	case protowire.BytesType:
		length, n := protowire.ConsumeVarint(b)
		if n < 0 || length > uint64(len(b)-n) {
			return -1
		}
		return n + int(length)
	}
	if size == 0 || size > len(b) {
		return -1
	}
	return size
}
