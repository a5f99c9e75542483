package handwritten

import (
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/reflect/protoreflect"

	"shimfuzz/internal/wire"
)

// order are bugs in what the order of fields means, in fields that occur again,
// and in those that are written though they are zero.
var order = []Bug{
	{"zero-does-not-clear", "if v != 0 { x = v }: a zero does not overwrite what came before it.",
		dropped(func(m message, t token) bool {
			v, n := protowire.ConsumeVarint(t.val)
			fd := m.field(t)
			return m.at == atOptions && fd != nil && !fd.HasPresence() && isRightScalar(fd, t) && n > 0 && v == 0
		})},
	{"empty-does-not-clear", `if s != "" { x = s }: an empty string does not overwrite what came before it.`,
		dropped(func(m message, t token) bool {
			fd := m.field(t)
			return m.at == atOptions && fd != nil && fd.Kind() == protoreflect.StringKind &&
				t.typ == protowire.BytesType && len(t.body()) == 0
		})},
	{"first-of-scalars", "A field that occurs twice in the options: the first one was kept.",
		messages(func(m message) []byte {
			seen := make(map[uint64]bool)
			return eachToken(m.b, func(t token) []byte {
				fd := m.field(t)
				if m.at != atOptions || fd == nil || !isRightScalar(fd, t) {
					return t.raw
				}
				if seen[t.num] {
					return nil
				}
				seen[t.num] = true
				return t.raw
			})
		})},
	{"entry-without-key-dropped", "An entry without a key cannot be looked up; one with an empty key can.",
		withoutEntries(1)},
	{"entry-without-value-dropped", "An entry without a value has nothing to say; one with an empty value has.",
		withoutEntries(2)},
	{"value-before-key-lost", "The entry was read in one go, and its value stored under the key so far.",
		messages(func(m message) []byte { return withoutEarly(m, m.at == atEntry) })},
	{"value-before-url-lost", "The Any was read in one go, and its value decoded as the type so far.",
		messages(func(m message) []byte { return withoutEarly(m, m.at == atAny || m.at == atTop && !m.params) })},
	{"scrub-logs-first-lost", "The oldest field was decoded with Reset, and comes first in every encoding.",
		messages(func(m message) []byte {
			last := 0 // where debug is
			for f := range parsed(m.b) {
				if f.Num == 1 && f.Type == protowire.VarintType {
					last = f.Offset
				}
			}
			return eachField(m.b, func(f wire.Field) []byte {
				if m.at == atOptions && f.Num == 20 && f.Type == protowire.VarintType && f.Offset < last {
					return nil
				}
				return f.Raw
			})
		})},
	{"options-out-of-order-lost", "A cursor over the fields in ascending order, as every encoder writes them.",
		messages(func(m message) []byte {
			highest := protowire.Number(0)
			return eachField(m.b, func(f wire.Field) []byte {
				if m.at != atOptions {
					return f.Raw
				}
				if f.Num < highest {
					return nil
				}
				highest = f.Num
				return f.Raw
			})
		})},
	{"annotations-apart-lost", "A map was taken to be written in one piece.",
		messages(func(m message) []byte {
			var before protowire.Number
			ended := false
			return eachField(m.b, func(f wire.Field) []byte {
				ended = ended || before == annotations && f.Num != annotations
				before = f.Num
				if m.at == atOptions && f.Num == annotations && f.Type == protowire.BytesType && ended {
					return nil
				}
				return f.Raw
			})
		})},
	{"second-piece-of-any-ignored", "A message that is there already was left as it is.",
		withoutPieces(func(i, _ int) bool { return i > 0 })},
	{"last-piece-of-any-only", "A message that is there already was replaced, as a string is.",
		withoutPieces(func(i, n int) bool { return i < n-1 })},
	{"pieces-of-any-refused", "A field that occurs twice cannot be meant.",
		refusedMessages(func(m message) bool { return m.at == atExtension && count(m.b, 1, protowire.BytesType) > 1 })},
}

// isRightScalar reports whether a token is a number or a bool as it should be.
func isRightScalar(fd protoreflect.FieldDescriptor, t token) bool {
	return t.typ == protowire.VarintType && wireType(fd) == protowire.VarintType
}

// withoutEntries is a bug that drops the annotations that lack a field.
func withoutEntries(num protowire.Number) func(Read) Read {
	return messages(func(m message) []byte {
		return eachField(m.b, func(f wire.Field) []byte {
			if m.at == atOptions && f.Num == annotations && f.Type == protowire.BytesType &&
				count(f.Value, num, protowire.BytesType) == 0 && isWellFormed(f.Value) {
				return nil
			}
			return f.Raw
		})
	})
}

// withoutEarly drops the fields 2 of a message that stand before the first field 1.
func withoutEarly(m message, applies bool) []byte {
	if !applies || count(m.b, 1, protowire.BytesType) == 0 {
		return m.b
	}
	found := false
	return eachField(m.b, func(f wire.Field) []byte {
		found = found || f.Num == 1 && f.Type == protowire.BytesType
		if !found && f.Num == 2 && f.Type == protowire.BytesType {
			return nil
		}
		return f.Raw
	})
}

// withoutPieces is a bug that ignores some of the pieces of an extension's Any.
func withoutPieces(ignored func(i, n int) bool) func(Read) Read {
	return messages(func(m message) []byte {
		n, i := count(m.b, 1, protowire.BytesType), 0
		return eachField(m.b, func(f wire.Field) []byte {
			if m.at != atExtension || f.Num != 1 || f.Type != protowire.BytesType {
				return f.Raw
			}
			i++
			if ignored(i-1, n) && isWellFormed(f.Value) {
				return nil
			}
			return f.Raw
		})
	})
}
