package bugs

import (
	"math"
	"slices"
	"strings"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// encodings are bugs in tags, lengths and varints, before a field means anything.
var encodings = []Mutant{
	{"tag-cut-to-32-bits-in-entry", "TestCorpus", "Map entries are decoded by other code, with a uint32 for the tag.",
		on(entryType, func(t *token) bool { return t.num > uint64(protowire.MaxValidNumber) },
			func(t *token) { t.set(t.num&(1<<29-1), t.typ, t.val) })},
	{"number-above-31-bits-skipped", "TestCorpus", "A number was compared as an int32, and may be negative.",
		on(nil, func(t *token) bool { return t.num > math.MaxInt32 && t.num <= math.MaxUint32 }, (*token).skip)},
	{"number-zero-fixed32-skipped", "TestCorpus", "A number that no field has is an unknown field.",
		on(nil, func(t *token) bool { return t.num == 0 && t.typ == protowire.Fixed32Type }, (*token).skip)},
	{"wide-tag-skipped", "TestCorpus", "A tag of six bytes or more was taken for a number that nobody knows.",
		on(nil, func(t *token) bool { return len(t.tag) > 5 }, (*token).skip)},
	{"wire-type-7-skipped", "TestCorpus", "A switch over the wire types without a default.",
		on(nil, func(t *token) bool { return t.typ == 7 }, (*token).drop)},
	{"long-tags-refused", "TestCorpus", "Only the shortest form is right, in other formats.",
		refused(optionsType, func(t *token) bool {
			return len(t.tag) > protowire.SizeVarint(t.num<<3)
		})},
	{"length-cut-to-32-bits-in-options", "TestCorpus", "The framing is 64 bits wide, but a field's length is a uint32.",
		overrun(optionsType, func(length uint64, left int) int { return int(length & math.MaxUint32) })},
	{"length-past-end-cut", "TestCorpus", "min(n, len(b)), so that slicing cannot panic.",
		overrun(nil, func(_ uint64, left int) int { return left })},
	{"ten-byte-zero-bool-is-true", "TestCorpus", "A varint of ten bytes has bit 63 set, and so is not 0.",
		on(nil, func(t *token) bool {
			v, ok := t.varint()
			return ok && v == 0 && t.kind() == protoreflect.BoolKind && len(t.val) == 10
		}, func(t *token) { t.setVarint(1) })},
	{"bool-of-low-byte", "TestCorpus", "A bool is a byte.",
		on(nil, func(t *token) bool {
			v, ok := t.varint()
			return ok && byte(v) == 0 && t.kind() == protoreflect.BoolKind
		}, func(t *token) { t.setVarint(0) })},
	{"over-64-bits-is-zero", "TestCorpus", "ConsumeVarint returns 0 with its error, and the error was dropped.",
		on(nil, func(t *token) bool {
			_, ok := t.varint()
			return !ok && t.typ == protowire.VarintType
		}, func(t *token) { t.val = []byte{0} })},
}

// overrun is a bug in a length beyond a message's end: the field gets size bytes of what
// is left, if there are so many.
func overrun(md protoreflect.MessageDescriptor, size func(length uint64, left int) int) bug {
	return messages(md, func(m *message) {
		num, typ, n := protowire.ConsumeTag(m.rest)
		if n < 0 || num > protowire.MaxValidNumber || typ != protowire.BytesType {
			return
		}
		length, width := protowire.ConsumeVarint(m.rest[n:])
		body := m.rest[n+max(0, width):]
		if end := size(length, len(body)); width > 0 && end <= len(body) {
			t := new(token)
			t.set(uint64(num), typ, protowire.AppendBytes(nil, body[:end]))
			*m = *parse(m.md, slices.Concat(encode(append(m.tokens, t)), body[end:]))
		}
	})
}

// groups are bugs in skipping groups.
var groups = []Mutant{
	{"nested-group-ends-unmatched", "TestCorpus", "Only the end of the outermost group was compared with its start.",
		on(nil, func(t *token) bool { return t.start != nil && t.depth > 0 },
			func(t *token) { t.set(t.start.num, t.typ, nil) })},
	{"group-end-missing", "TestCorpus", "The end of the message ends everything in it.",
		messages(nil, func(m *message) {
			for _, start := range slices.Backward(m.open) {
				t := new(token)
				t.set(start.num, protowire.EndGroupType, nil)
				m.tokens = append(m.tokens, t)
			}
		})},
	{"stray-end-of-group-ignored", "TestCorpus", "The end of a group has no value, so there was nothing to skip.",
		on(nil, func(t *token) bool { return t.typ == protowire.EndGroupType && t.start == nil }, (*token).drop)},
	{"groups-deeper-than-64-refused", "TestCorpus", "A recursion limit of 64, where protobuf's is 100.",
		refused(nil, func(t *token) bool { return t.typ == protowire.StartGroupType && t.depth >= 64 })},
}

// wireTypes are bugs in what becomes of a known number with another wire type. That is an
// unknown field.
var wireTypes = []Mutant{
	{"wrong-wire-type-beside-right-one-refused", "TestWalkElements", "A field is a string or a number, not both.",
		refused(anyType, func(t *token) bool {
			return t.in.top && t.isWrongType() && slices.ContainsFunc(t.in.tokens, func(other *token) bool {
				return other.num == t.num && other.depth == 0 && !other.isWrongType()
			})
		})},
	{"wrong-wire-type-loses-key", "TestWalkElements", "A map entry with something else in it has no key (protobuf-es).",
		messages(entryType, func(m *message) {
			wrong := slices.ContainsFunc(m.tokens, (*token).isWrongType)
			for _, t := range m.tokens {
				if wrong && t.isBytes(1) {
					t.drop()
				}
			}
		})},
	{"packed-is-number", "TestCorpus", "A repeated number may be packed, and this one was read by the same code.",
		on(nil, func(t *token) bool { return t.kind() == protoreflect.Int32Kind && t.typ == protowire.BytesType },
			func(t *token) {
				if v, n := protowire.ConsumeVarint(t.body()); n > 0 {
					t.setVarint(v)
				}
			})},
	{"varint-is-empty-string", "TestCorpus", "A string that cannot be read is empty.",
		on(nil, func(t *token) bool { return t.kind() == protoreflect.StringKind && t.typ == protowire.VarintType },
			func(t *token) { t.setBody(nil) })},
	{"group-is-message", "TestCorpus", "A group of a known number is that field, in the encoding of proto2.",
		messages(nil, func(m *message) {
			start := slices.IndexFunc(m.tokens, func(t *token) bool {
				return t.kind() == protoreflect.MessageKind && t.typ == protowire.StartGroupType
			})
			size := slices.IndexFunc(m.tokens[start+1:], func(t *token) bool { return t.typ == protowire.EndGroupType })
			if start >= 0 && size >= 0 {
				m.tokens[start].setBody(encode(m.tokens[start+1 : start+1+size]))
				m.tokens = slices.Delete(m.tokens, start+1, start+2+size)
			}
		})},
}

// texts are bugs in strings.
var texts = []Mutant{
	{"utf8-10ffff-refused", "TestCorpus", "< for <= at the last code point.",
		refused(nil, func(t *token) bool {
			return t.isText() && strings.ContainsRune(string(t.body()), utf8.MaxRune)
		})},
	{"utf8-surrogate-accepted", "TestCorpus", "UTF-8 in three bytes was decoded by shifting, and then it was in range.",
		strs(nil, func(_ uint64, s string) string {
			for i := 0; i+2 < len(s); i++ {
				if s[i] == 0xED && s[i+1] >= 0xA0 && !utf8.RuneStart(s[i+1]) && !utf8.RuneStart(s[i+2]) {
					s = s[:i] + "\uFFFD" + s[i+3:]
				}
			}
			return s
		})},
	{"utf8-unchecked-in-map-values", "TestWalkElements", "The values of a map are read by other code.",
		strs(entryType, func(num uint64, s string) string { return validIf(num == 2, s) })},
	{"utf8-unchecked-in-long-strings", "TestWalkElements", "A fast path for strings that are longer than a buffer.",
		strs(nil, func(_ uint64, s string) string { return validIf(len(s) > 64, s) })},
	{"utf8-of-overwritten-unchecked", "TestCorpus", "Only what a string is in the end was checked.",
		messages(nil, func(m *message) {
			later := make(map[uint64]bool)
			for i, t := range slices.Backward(m.tokens) {
				if t.isText() && later[t.num] && !utf8.Valid(t.body()) {
					m.tokens = slices.Delete(m.tokens, i, i+1)
				}
				later[t.num] = true
			}
		})},
	{"unicode-composed", "TestCorpus", "A name was compared with a file's on macOS: é in two code points.",
		strs(optionsType, func(_ uint64, s string) string { return strings.ReplaceAll(s, "e\u0301", "\u00e9") })},
	{"strings-to-65535", "TestWalkSizes", "A buffer of fixed size.",
		strs(optionsType, func(_ uint64, s string) string { return s[:min(65535, len(s))] })},
}

// strs is a bug in the strings of messages of a type.
func strs(md protoreflect.MessageDescriptor, change func(num uint64, s string) string) bug {
	return on(md, (*token).isText, func(t *token) {
		if s := string(t.body()); change(t.num, s) != s {
			t.setBody([]byte(change(t.num, s)))
		}
	})
}

func validIf(unchecked bool, s string) string {
	if unchecked {
		return strings.ToValidUTF8(s, "\uFFFD")
	}
	return s
}
