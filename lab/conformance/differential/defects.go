// Package differential knows what other protobuf engines do wrong: what each of them takes
// a payload for. It makes payloads by mutation that show what else they do.
package differential

import (
	"bytes"
	"slices"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/reflect/protoreflect"

	"shimfuzz/internal/contract"
	"shimfuzz/internal/reference"
	"shimfuzz/internal/stdin"
	"shimfuzz/internal/wire"
)

// Engine is a protobuf engine that a reader is built on.
type Engine struct {
	Every   int      // it is slow, and of pairs of tokens it is given every n-th; 0 is all
	Defects []Defect // that are known
}

// Defect is a known defect of an engine.
type Defect struct {
	Name string
	Why  string // what the engine does, and where that can be read

	as       misreading // what the engine takes a tag for
	overruns bool       // it reads a message's last field beyond its end
	// The defect also shows where an ID and a namespace are read as BootstrapParams (R4b),
	// and an unknown field of an Any is one of those.
	minimal bool
}

// Engines are those of the example readers, by the names of these.
var Engines = map[string]Engine{
	"python": {Every: 11, Defects: []Defect{
		{Name: "wide-tag-unknown",
			Why: "a known field whose tag is longer than necessary is dropped (python_message.py, InternalParse: " +
				"decoders_by_tag has the bytes of tags)", as: wideTagUnknown},
		{Name: "range-unchecked",
			Why: "a field number above 2^29-1, or 0 in a group, is one of an unknown field, and tags and lengths are " +
				"cut to 64 bits (decoder.py, _DecodeUnknownFieldSet and _VarintDecoder)", as: rangeUnchecked},
		{Name: "end-tag-by-suffix",
			Why: "a group's end tag is compared with the last bytes only, and must be as short as possible " +
				"(decoder.py, _DecodeUnknownField)", as: endTagBySuffix},
	}},
	"cpp": {Defects: []Defect{
		{Name: "cut-tag", Why: "a tag of 2^32 or more is cut to 32 bits (parse_context.h, ReadTag)", as: cutTag},
	}},
	"javascript": {Defects: []Defect{
		{Name: "wire-type-ignored", Why: "a known field is read as if it had its own wire type (from-binary.ts)",
			as: wireTypeIgnored, minimal: true},
		{Name: "cut-length", Why: "a length of 2^32 or more is cut to 32 bits (varint.ts, varint32read)",
			as: cutLength},
		{Name: "long-varint-skipped", Why: "an unknown varint may have more than 10 bytes (binary-encoding.ts, skip)",
			as: longVarintSkipped},
		{Name: "message-overrun",
			Why:      "the last field of a message may end behind it (from-binary.ts, which compares pos < end)",
			overruns: true},
	}},
	"go": {Defects: []Defect{
		{Name: "numbers-unchecked-in-group",
			Why: "a field number above 2^29-1 in an unknown group is accepted (protowire, ConsumeFieldValue)",
			as:  numbersUncheckedInGroup},
	}},
	"rust": {Defects: []Defect{
		{Name: "wire-type-refused",
			Why: "a known field with another wire type is an error, and one of a map is read as an entry " +
				"(encoding.rs, check_wire_type and map)", as: wireTypeRefused, minimal: true},
	}},
}

// Explain returns the known defects that together are why the engine gave a wrong answer,
// and none that is not needed for that; nothing if they are not why.
func (e Engine) Explain(payload []byte, got contract.Outcome) []Defect {
	if len(e.Defects) == 0 || !explain(e.Defects, payload, got) {
		return nil
	}
	needed := slices.Clone(e.Defects)
	for _, d := range e.Defects {
		without := slices.DeleteFunc(slices.Clone(needed), func(other Defect) bool { return other.Name == d.Name })
		if explain(without, payload, got) {
			needed = without
		}
	}
	return needed
}

// Reads returns what the engine takes a payload for.
func (e Engine) Reads(payload []byte) []byte {
	b, _ := misread(e.Defects, payload)
	return b
}

// explain reports whether an engine with these defects gives such an answer: it is right
// to what the engine takes the payload for.
func explain(defects []Defect, payload []byte, got contract.Outcome) bool {
	minimal := slices.ContainsFunc(defects, func(d Defect) bool { return d.minimal })
	b, otherType := misread(defects, payload)
	want := reference.Want(b)
	return allows(want, got) || minimal && otherType && got.Kind == contract.Foreign &&
		allows(want, contract.Outcome{Kind: contract.None})
}

func allows(want, got contract.Outcome) bool {
	return slices.ContainsFunc(want.All(), func(o contract.Outcome) bool { return contract.Right(o, got) })
}

// misread returns what a payload is to an engine with these defects, and whether a field
// that only BootstrapParams has stands there with another wire type, and no other such field.
func misread(defects []Defect, payload []byte) (out []byte, otherType bool) {
	return misreader{
		as: func(p place, tag, rest []byte) {
			for _, d := range defects {
				if d.as != nil {
					d.as(p, tag, rest)
				}
			}
		},
		overruns: slices.ContainsFunc(defects, func(d Defect) bool { return d.overruns }),
	}.payload(payload)
}

// misreading changes a tag, and what follows it, to what an engine takes it for, in as
// many bytes.
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

// split reads a tag, cut to 64 bits.
func split(tag []byte) (num uint64, typ protowire.Type) {
	v := uint64(0)
	for i, c := range tag {
		v |= uint64(c&0x7f) << (7 * i)
	}
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
	if typ != protowire.VarintType || n <= maxVarint || n >= 1<<14 || p.field(protowire.Number(num)) != nil {
		return
	}
	setUnknown(tag)
	setType(tag, protowire.BytesType)
	copy(rest, wire.WideVarint(uint64(n-2), 2))
}

func rangeUnchecked(p place, tag, rest []byte) {
	if len(tag) == maxVarint {
		tag[maxVarint-1] &= 1
	}
	num, typ := split(tag)
	if typ == protowire.BytesType && sizeVarint(rest) == maxVarint {
		rest[maxVarint-1] &= 1
	}
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
	isGroup := typ == protowire.StartGroupType // which no known field is, and which its end tag must match
	if !isGroup && p.field(protowire.Number(num)) != nil && len(tag) > protowire.SizeVarint(num<<3|uint64(typ)) {
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

// misreader reads messages as an engine with some defects does.
type misreader struct {
	as       misreading
	overruns bool // a message in another one ends with the field that reaches its end or goes beyond
}

// payload is misread for one payload. Which message it is the engine finds out without a
// look at its known fields.
func (m misreader) payload(b []byte) (out []byte, otherType bool) {
	isBootstrap := false
	told := misreader{as: func(p place, tag, rest []byte) {
		if len(p.open) == 0 {
			num, _ := split(tag)
			otherType = otherType || num >= 3 && num <= 9
			isBootstrap = isBootstrap || isOfParams(tag)
		}
		m.as(p, tag, rest)
		isBootstrap = isBootstrap || len(p.open) == 0 && isOfParams(tag)
	}}
	told.message(slices.Clone(b), len(b), nil)
	if isBootstrap {
		out, _ = m.message(slices.Clone(b), len(b), paramsType)
		return append([]byte{4<<3 | 2, 0}, out...), false // keeps it one
	}
	legacy := misreader{overruns: m.overruns, as: func(p place, tag, rest []byte) {
		m.as(p, tag, rest)
		if p.message == anyType && len(p.open) == 0 && isOfParams(tag) {
			setUnknown(tag) // keeps it an Any
		}
	}}
	out, _ = legacy.message(slices.Clone(b), len(b), anyType)
	return out, otherType
}

// isOfParams reports whether a tag at the top level is one that only BootstrapParams has (R3).
func isOfParams(tag []byte) bool {
	num, typ := split(tag)
	return num == 3 && typ == protowire.VarintType || num >= 4 && num <= 9 && typ == protowire.BytesType
}

var (
	_, paramsType  = stdin.Family(contract.Stdin, []byte{4<<3 | 2, 0})
	_, anyType     = stdin.Family(contract.Stdin, nil)
	_, optionsType = stdin.Field(anyType, 2, contract.OptionsName)
)

// message reads a message of some size that b begins with, and returns what it is to the
// engine, and how many bytes that were of b. What cannot be read stays as it is.
func (m misreader) message(b []byte, size int, md protoreflect.MessageDescriptor) (out []byte, read int) {
	if !m.overruns {
		b = b[:size]
	}
	var url, value []byte   // of an Any
	var width, from, to int // of that value: its length's, and where out has both
	p := place{message: md}
	at := 0
	for at < size || m.overruns && len(p.open) > 0 && at < len(b) {
		n := sizeVarint(b[at:])
		if n == 0 {
			break
		}
		tag, rest := b[at:at+n], b[at+n:]
		m.as(p, tag, rest)
		num, typ := split(tag)
		length := sizeValue(rest, typ)
		if length < 0 || typ == protowire.EndGroupType && len(p.open) == 0 {
			break
		}
		at += n + length
		out = append(out, tag...)
		switch typ {
		case protowire.StartGroupType:
			p.open = append(p.open, protowire.Number(num))
		case protowire.EndGroupType:
			p.open = p.open[:len(p.open)-1]
		}
		fd := p.field(protowire.Number(num))
		if fd == nil || typ != protowire.BytesType {
			out = append(out, rest[:length]...)
			continue
		}
		head := sizeVarint(rest)
		body := rest[head:length]
		if fd.Message() != nil {
			inner, read := m.message(rest[head:], len(body), fd.Message())
			at += read - len(body)
			out = append(append(out, wire.WideVarint(uint64(len(inner)), head)...), inner...)
			continue
		}
		out = append(out, rest[:length]...)
		switch {
		case fd.FullName() == "google.protobuf.Any.type_url":
			url = body
		case fd.FullName() == "google.protobuf.Any.value":
			value, width, from, to = body, head, len(out)-length, len(out)
		}
	}
	// The type URL may be in another piece of the Any.
	if to > 0 && (len(url) == 0 || stdin.TypeName(string(url)) == contract.OptionsName) {
		inner, _ := m.message(value, len(value), optionsType)
		out = slices.Concat(out[:from], wire.WideVarint(uint64(len(inner)), width), inner, out[to:])
	}
	if at < size {
		out = append(out, b[at:size]...)
		at = size
	}
	return out, at
}

// maxVarint is how many bytes a varint has at most.
const maxVarint = 10

// sizeVarint is the number of bytes of a varint, also of one above 64 bits; 0 if there is none.
func sizeVarint(b []byte) int {
	for i, c := range b[:min(len(b), maxVarint)] {
		if c < 0x80 {
			return i + 1
		}
	}
	return 0
}

// sizeValue is the number of bytes behind a tag, 0 for that of a group, -1 if they are not there.
func sizeValue(b []byte, typ protowire.Type) int {
	switch n := sizeVarint(b); {
	case typ == protowire.StartGroupType || typ == protowire.EndGroupType:
		return 0
	case typ != protowire.VarintType:
		return protowire.ConsumeFieldValue(1, typ, b)
	case n > 0:
		return n
	}
	return -1
}
