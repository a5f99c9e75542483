package handwritten

import (
	"bytes"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/reflect/protoreflect"

	"shimfuzz/internal/wire"
)

// wireTypes are bugs in what becomes of a known number with another wire type.
// That is an unknown field.
var wireTypes = []Bug{
	{"wrong-wire-type-in-params-refused", "The same as at the fields 1 and 2, at those that only BootstrapParams has.",
		refusedTokens(func(m message, t token) bool { return m.params && t.num > 2 && isWrongType(m, t) })},
	{"wrong-wire-type-in-extension-refused", "An Extension has one field, so its wire type was taken for granted.",
		refusedTokens(func(m message, t token) bool { return m.at == atExtension && isWrongType(m, t) })},
	{"wrong-wire-type-in-any-refused", "A type URL that is a number is no type URL.",
		refusedTokens(func(m message, t token) bool { return m.at == atAny && isWrongType(m, t) })},
	{"wrong-wire-type-beside-right-one-refused", "A field is a string or a number, not both.",
		refusedTokens(func(m message, t token) bool {
			return m.at == atTop && !m.params && isWrongType(m, t) && anyToken(m, func(_ message, other token) bool {
				return other.num == t.num && m.field(other) != nil && !isWrongType(m, other)
			})
		})},
	{"wrong-wire-type-in-options-refused",
		"The options' fields are decoded one by one, each with an error for another wire type.",
		refusedTokens(func(m message, t token) bool { return m.at == atOptions && isWrongType(m, t) })},
	{"wrong-wire-type-in-entry-refused", "A map entry holds a key and a value and nothing else (prost).",
		refusedTokens(func(m message, t token) bool { return m.at == atEntry && isWrongType(m, t) })},
	{"wrong-wire-type-loses-key", "A map entry with something else in it has no key (protobuf-es).",
		messages(func(m message) []byte {
			if m.at != atEntry || !anyToken(m, isWrongType) {
				return m.b
			}
			return eachBody(m.b, 1, func([]byte) []byte { return nil })
		})},
	{"bytes-are-false", "A bool that cannot be read is false.",
		converted(protoreflect.BoolKind, protowire.BytesType,
			func(num protowire.Number) wire.Part { return wire.Bool(num, false) })},
	{"fixed32-is-number", "A number is read as its wire type says.",
		tokens(func(m message, t token) []byte {
			if fd := m.field(t); fd != nil && fd.Kind() == protoreflect.Int32Kind && t.typ == protowire.Fixed32Type {
				v, _ := protowire.ConsumeFixed32(t.val)
				return wire.Message{wire.Int(fd.Number(), int64(int32(v)))}.Encode()
			}
			return t.raw
		})},
	{"packed-is-number", "A repeated number may be packed, and this one was read by the same code.",
		tokens(func(m message, t token) []byte {
			if fd := m.field(t); fd != nil && fd.Kind() == protoreflect.Int32Kind && t.typ == protowire.BytesType {
				if v, n := protowire.ConsumeVarint(t.body()); n > 0 {
					return wire.Message{wire.Varint(fd.Number(), v)}.Encode()
				}
			}
			return t.raw
		})},
	{"varint-is-empty-string", "A string that cannot be read is empty.",
		converted(protoreflect.StringKind, protowire.VarintType,
			func(num protowire.Number) wire.Part { return wire.String(num, "") })},
	{"varint-is-empty-entry", "An entry was added to the map, and then decoded if it was one.",
		tokens(func(m message, t token) []byte {
			if m.at == atOptions && t.num == uint64(annotations) && t.typ == protowire.VarintType && t.depth == 0 {
				return wire.Message{wire.Sub(annotations)}.Encode()
			}
			return t.raw
		})},
	{"varint-is-empty-extension",
		"Whatever the field 8 is, it is an extension, and this one is empty: the mark of BootstrapParams.",
		tokens(func(m message, t token) []byte {
			if m.at == atTop && t.num == 8 && t.typ == protowire.VarintType && t.depth == 0 {
				return wire.Message{wire.Sub(8)}.Encode()
			}
			return t.raw
		})},
	{"group-is-message", "A group of a known number is that field, in the encoding of proto2.",
		messages(func(m message) []byte {
			return eachField(m.b, func(f wire.Field) []byte {
				if fd := m.md.Fields().ByNumber(f.Num); fd == nil || fd.Message() == nil ||
					f.Type != protowire.StartGroupType {
					return f.Raw
				}
				body, _ := protowire.ConsumeGroup(f.Num, f.Value)
				return wire.Message{wire.Bytes(f.Num, bytes.Clone(body))}.Encode()
			})
		})},
}

// isWrongType reports whether a token has a known number, and another wire type.
func isWrongType(m message, t token) bool {
	fd := m.field(t)
	return fd != nil && t.typ != wireType(fd)
}

// converted is a bug that takes a value of the wrong wire type for another one.
func converted(kind protoreflect.Kind, from protowire.Type, to func(protowire.Number) wire.Part) func(Read) Read {
	return tokens(func(m message, t token) []byte {
		fd := m.field(t)
		if fd == nil || fd.Kind() != kind || t.typ != from {
			return t.raw
		}
		return wire.Message{to(fd.Number())}.Encode()
	})
}
