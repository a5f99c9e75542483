// Package wire builds protobuf messages from the wire up, legal and illegal
// ones, and takes them apart.
//
// A message is a list of parts, written in the order given. Every part can be
// written wider than it needs to be, and any bytes at all can stand among them,
// so whatever a sender, a proxy or an attacker could put on a shim's standard
// input can be said here. The format is that of
// https://protobuf.dev/programming-guides/encoding.
package wire

import (
	"google.golang.org/protobuf/encoding/protowire"
)

// Part is one piece of a message: a field, or any other bytes.
type Part struct {
	Num  protowire.Number // 0 for bytes that are no field
	Type protowire.Type
	val  uint64 // a varint, or the length of body
	body []byte // what stands behind the tag, and behind the length

	tagWidth, valWidth int
}

// Message is the parts of a message in the order they are written.
type Message []Part

// Varint is a varint field.
func Varint(num protowire.Number, v uint64) Part {
	return Part{Num: num, Type: protowire.VarintType, val: v}
}

// Fixed32 is a field of four bytes.
func Fixed32(num protowire.Number, v uint32) Part {
	return Part{Num: num, Type: protowire.Fixed32Type, body: protowire.AppendFixed32(nil, v)}
}

// Fixed64 is a field of eight bytes.
func Fixed64(num protowire.Number, v uint64) Part {
	return Part{Num: num, Type: protowire.Fixed64Type, body: protowire.AppendFixed64(nil, v)}
}

// String is a length-delimited field; nothing checks that s is UTF-8.
func String(num protowire.Number, s string) Part { return Bytes(num, []byte(s)) }

// Bytes is a length-delimited field.
func Bytes(num protowire.Number, b []byte) Part {
	return Part{Num: num, Type: protowire.BytesType, val: uint64(len(b)), body: b}
}

// Sub is a length-delimited field that holds a message.
func Sub(num protowire.Number, parts ...Part) Part {
	return Bytes(num, Message(parts).Encode())
}

// Group is a field between a start and an end tag.
func Group(num protowire.Number, parts ...Part) Part {
	return Part{Num: num, Type: protowire.StartGroupType, body: Message(parts).Encode()}
}

// Tag is a tag without its value. Every number and type can be said, also
// those that protobuf does not have.
func Tag(num uint64, typ protowire.Type) Part {
	return Raw(WideVarint(num<<3|uint64(typ), 0))
}

// Raw is bytes as they are.
func Raw(b []byte) Part { return Part{body: b} }

// Wide returns the part with its value, or its length, as a varint of at least
// n bytes.
func (p Part) Wide(n int) Part {
	p.valWidth = n
	return p
}

// WideTag returns the part with its tag as a varint of at least n bytes.
func (p Part) WideTag(n int) Part {
	p.tagWidth = n
	return p
}

// Encode writes the message. Its result is never nil.
func (m Message) Encode() []byte {
	b := []byte{}
	for _, p := range m {
		b = p.Append(b)
	}
	return b
}

// Append writes the part behind b.
func (p Part) Append(b []byte) []byte {
	if p.Num == 0 {
		return append(b, p.body...)
	}
	b = appendWide(b, protowire.EncodeTag(p.Num, p.Type), p.tagWidth)
	if p.Type == protowire.VarintType || p.Type == protowire.BytesType {
		b = appendWide(b, p.val, p.valWidth)
	}
	b = append(b, p.body...)
	if p.Type == protowire.StartGroupType {
		b = appendWide(b, protowire.EncodeTag(p.Num, protowire.EndGroupType), p.tagWidth)
	}
	return b
}

// WideVarint writes v as a varint of at least n bytes: readers accept up to ten
// whatever the value.
func WideVarint(v uint64, n int) []byte { return appendWide(nil, v, n) }

func appendWide(b []byte, v uint64, n int) []byte {
	end := len(b) + n
	b = protowire.AppendVarint(b, v)
	for len(b) < end {
		b[len(b)-1] |= 0x80
		b = append(b, 0)
	}
	return b
}

// Field is one field of a parsed message.
type Field struct {
	Num    protowire.Number
	Type   protowire.Type
	Offset int    // of the tag, in bytes from the message's start
	Value  []byte // the body of a length-delimited field, else the value as written
	Raw    []byte // the whole field
}

// Parse splits a message into its fields, or as many as can be read: the rest
// is what remains from the first fault on, and is empty for a well-formed message.
func Parse(b []byte) (fields []Field, rest []byte) {
	for at := 0; at < len(b); {
		num, typ, n := protowire.ConsumeTag(b[at:])
		if n < 0 || num > protowire.MaxValidNumber {
			return fields, b[at:]
		}
		m := protowire.ConsumeFieldValue(num, typ, b[at+n:])
		if m < 0 {
			return fields, b[at:]
		}
		f := Field{Num: num, Type: typ, Offset: at, Value: b[at+n : at+n+m], Raw: b[at : at+n+m]}
		if typ == protowire.BytesType {
			f.Value, _ = protowire.ConsumeBytes(f.Value)
		}
		fields = append(fields, f)
		at += n + m
	}
	return fields, nil
}
