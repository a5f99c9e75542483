package handwritten

import (
	"bytes"
	"math"
	"slices"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/reflect/protoreflect"

	"shimfuzz/internal/wire"
)

// encodings are bugs in reading the wire format, before a field means anything.
var encodings = slices.Concat(numbers, lengths, varints, groups)

// numbers are bugs in field numbers and wire types.
var numbers = []Bug{
	{"tag-cut-to-32-bits", "A tag is a uint32 (libprotobuf).", tagsCut(atTop, atExtension, atAny, atOptions, atEntry)},
	{"tag-cut-to-32-bits-at-top", "A loop of its own to tell the two messages apart, with a uint32 for the tag.",
		tagsCut(atTop)},
	{"tag-cut-to-32-bits-in-entry", "Map entries are decoded by other code than messages, with a uint32 for the tag.",
		tagsCut(atEntry)},
	{"number-cut-to-32-bits", "The tag is shifted first and then converted to an int32.",
		tokens(func(_ message, t token) []byte { return t.numbered(t.num & math.MaxUint32) })},
	{"number-above-29-bits-skipped", "The limit was taken to be that of an int32.",
		skipped(func(_ message, t token) bool {
			return t.num > uint64(protowire.MaxValidNumber) && t.num <= math.MaxInt32
		})},
	{"number-above-31-bits-skipped", "A number was compared as an int32, and negative ones are below any limit.",
		skipped(func(_ message, t token) bool { return t.num > math.MaxInt32 && t.num <= math.MaxUint32 })},
	{"number-above-32-bits-skipped", "A tag of more than five bytes was skipped before anything was compared.",
		skipped(func(_ message, t token) bool { return t.num > math.MaxUint32 })},
	{"number-zero-varint-skipped", "A number that no field has is an unknown field.",
		skipped(isZero(protowire.VarintType))},
	{"number-zero-fixed32-skipped", "A number that no field has is an unknown field.",
		skipped(isZero(protowire.Fixed32Type))},
	{"number-zero-fixed64-skipped", "A number that no field has is an unknown field.",
		skipped(isZero(protowire.Fixed64Type))},
	{"number-zero-bytes-skipped", "A number that no field has is an unknown field.",
		skipped(isZero(protowire.BytesType))},
	{"number-zero-group-skipped", "A number that no field has is an unknown field.",
		skipped(func(m message, t token) bool {
			return isZero(protowire.StartGroupType)(m, t) || isZero(protowire.EndGroupType)(m, t)
		})},
	{"zero-tag-is-end", "A tag of 0 is how libprotobuf's ReadTag says that there is no more.",
		messages(func(m message) []byte {
			at := 0
			for t := range tokensOf(m.b) {
				if t.num == 0 {
					break
				}
				at += len(t.raw)
			}
			if at < len(m.b) && m.b[at] == 0 {
				return m.b[:at]
			}
			return m.b
		})},
	{"wire-type-6-skipped", "A switch over the wire types without a default.", dropped(isType(6))},
	{"wire-type-7-skipped", "A switch over the wire types without a default.", dropped(isType(7))},
	{"wide-tag-skipped", "A tag of six bytes or more was taken for a number that nobody knows.",
		skipped(func(_ message, t token) bool { return len(t.tag) > 5 })},
}

// tagsCut is a bug that keeps 32 bits of the tags in some messages.
func tagsCut(in ...place) func(Read) Read {
	return tokens(func(m message, t token) []byte {
		if slices.Contains(in, m.at) {
			return t.numbered(t.num & (1<<29 - 1))
		}
		return t.raw
	})
}

func isType(typ protowire.Type) func(message, token) bool {
	return func(_ message, t token) bool { return t.typ == typ }
}

func isZero(typ protowire.Type) func(message, token) bool {
	return func(_ message, t token) bool { return t.num == 0 && t.typ == typ }
}

// lengths are bugs in lengths.
var lengths = []Bug{
	{"length-cut-to-32-bits", "A length is a uint32.",
		messages(func(m message) []byte { return lengthsCut(m.b) })},
	{"length-cut-to-32-bits-in-options",
		"The framing was written with care, but the fields were decoded with a uint32.",
		messages(func(m message) []byte {
			if m.at < atOptions {
				return m.b
			}
			return lengthsCut(m.b)
		})},
	{"length-past-end-cut", "min(n, len(b)), so that slicing cannot panic.",
		messages(func(m message) []byte {
			at := wellFormed(m.b)
			rest := m.b[at:]
			num, typ, n := protowire.ConsumeTag(rest)
			if n < 0 || num > protowire.MaxValidNumber || typ != protowire.BytesType {
				return m.b
			}
			_, width := protowire.ConsumeVarint(rest[n:])
			if width < 0 {
				return m.b
			}
			return append(bytes.Clone(m.b[:at]), wire.Message{wire.Bytes(num, rest[n+width:])}.Encode()...)
		})},
}

// lengthsCut is a message as it is to who keeps 32 bits of each length.
func lengthsCut(b []byte) []byte {
	var out []byte
	for {
		at := wellFormed(b)
		rest := b[at:]
		if out == nil && len(rest) == 0 {
			return b
		}
		out = append(out, b[:at]...)
		num, typ, n := protowire.ConsumeTag(rest)
		if n < 0 || num > protowire.MaxValidNumber || typ != protowire.BytesType {
			return append(out, rest...)
		}
		length, width := protowire.ConsumeVarint(rest[n:])
		body := rest[n+max(0, width):]
		length &= math.MaxUint32
		if width < 0 || length > uint64(len(body)) {
			return append(out, rest...)
		}
		out = append(out, wire.Message{wire.Bytes(num, body[:length])}.Encode()...)
		b = body[length:]
	}
}

// varints are bugs in the values of varints.
var varints = []Bug{
	{"long-zero-bool-is-true", "A varint of more than one byte cannot be 0, so only the first one was looked at.",
		bools(func(val []byte, v uint64) bool { return v != 0 || len(val) > 1 })},
	{"ten-byte-zero-bool-is-true", "A varint of ten bytes has bit 63 set, and so is not 0.",
		bools(func(val []byte, v uint64) bool { return v != 0 || len(val) == 10 })},
	{"bool-cut-to-32-bits", "A bool is an int.", bools(func(_ []byte, v uint64) bool { return uint32(v) != 0 })},
	{"bool-of-low-bit", "v&1, as a bool has one bit.", bools(func(_ []byte, v uint64) bool { return v&1 != 0 })},
	{"bool-of-low-byte", "A bool is a byte.", bools(func(_ []byte, v uint64) bool { return byte(v) != 0 })},
	{"bool-of-1-only", "v == 1.", bools(func(_ []byte, v uint64) bool { return v == 1 })},
	{"over-64-bits-bool-is-true", "Bits that are lost in a value are still bits.",
		tokens(func(m message, t token) []byte {
			if isBool(m, t) && isOver64Bits(t) {
				return append(bytes.Clone(t.tag), 1)
			}
			return t.raw
		})},
	{"over-64-bits-is-zero", "ConsumeVarint returns 0 with its error, and the error was dropped.",
		tokens(func(_ message, t token) []byte {
			if isOver64Bits(t) {
				return append(bytes.Clone(t.tag), 0)
			}
			return t.raw
		})},
}

// bools is a bug in what varints are true.
func bools(isTrue func(val []byte, v uint64) bool) func(Read) Read {
	return tokens(func(m message, t token) []byte {
		v, n := protowire.ConsumeVarint(t.val)
		if !isBool(m, t) || n < 0 || isTrue(t.val, v) == (v != 0) {
			return t.raw
		}
		return append(bytes.Clone(t.tag), byte(protowire.EncodeBool(isTrue(t.val, v))))
	})
}

func isBool(m message, t token) bool {
	fd := m.field(t)
	return fd != nil && fd.Kind() == protoreflect.BoolKind && t.typ == protowire.VarintType
}

func isOver64Bits(t token) bool {
	return t.typ == protowire.VarintType && len(t.val) == 10 && t.val[9] > 1
}

// groups are bugs in skipping groups.
var groups = []Bug{
	{"group-ends-unmatched", "A count of starts and ends, without their numbers.",
		messages(func(m message) []byte { return endsMatched(m.b, 0) })},
	{"nested-group-ends-unmatched", "Only the end of the outermost group was compared with its start.",
		messages(func(m message) []byte { return endsMatched(m.b, 1) })},
	{"group-ends-at-first-end", "A group was skipped up to the next end tag.",
		messages(func(m message) []byte {
			return groupsCut(m.b, func(_, _ token) bool { return true })
		})},
	{"group-ends-at-first-end-of-its-number",
		"A group was skipped up to the next end tag of its number, which a group in it may have, too.",
		messages(func(m message) []byte {
			return groupsCut(m.b, func(start, end token) bool { return start.num == end.num })
		})},
	{"group-end-missing", "The end of the message ends everything in it.",
		messages(func(m message) []byte {
			var open []uint64
			all := eachToken(m.b, func(t token) []byte {
				switch {
				case t.typ == protowire.StartGroupType:
					open = append(open, t.num)
				case t.typ == protowire.EndGroupType && t.depth >= 0:
					open = open[:t.depth]
				}
				return t.raw
			})
			for _, num := range slices.Backward(open) {
				all = append(all, wire.Message{wire.Tag(num, protowire.EndGroupType)}.Encode()...)
			}
			return all
		})},
	{"stray-end-of-known-group-ignored",
		"A known number with a wire type that it does not have was skipped, the end of a group included.",
		dropped(func(m message, t token) bool {
			return isStrayEnd(t) && m.md.Fields().ByNumber(protowire.Number(t.num)) != nil
		})},
	{"stray-end-of-unknown-group-ignored", "The end of a group has no value, so there was nothing to skip.",
		dropped(func(m message, t token) bool {
			return isStrayEnd(t) && m.md.Fields().ByNumber(protowire.Number(t.num)) == nil
		})},
	{"stray-end-is-end", "The loop over the fields is that of a group, too, and ends at any end tag.",
		messages(func(m message) []byte {
			ended := false
			return eachToken(m.b, func(t token) []byte {
				if ended = ended || isStrayEnd(t); ended {
					return nil
				}
				return t.raw
			})
		})},
	{"groups-deeper-than-64-refused", "A recursion limit of 64, where protobuf's is 100.", refusedTokens(isDeeper(64))},
	{"groups-deeper-than-32-refused", "A fixed stack of 32 group numbers.", refusedTokens(isDeeper(32))},
	{"groups-deeper-than-100-end-message", "At the recursion limit the loop was left without an error.",
		messages(func(m message) []byte {
			if !anyToken(m, isDeeper(100)) {
				return m.b
			}
			start, at := 0, 0 // of the outermost group, and of the token
			for t := range tokensOf(m.b) {
				if isDeeper(100)(m, t) {
					break
				}
				if t.depth == 0 {
					start = at
				}
				at += len(t.raw)
			}
			return m.b[:start]
		})},
}

func isStrayEnd(t token) bool {
	return t.typ == protowire.EndGroupType && t.depth < 0 && t.num > 0 && t.num <= uint64(protowire.MaxValidNumber)
}

// isDeeper reports whether a token is a group's start with that many around it.
func isDeeper(limit int) func(message, token) bool {
	return func(_ message, t token) bool { return t.typ == protowire.StartGroupType && t.depth >= limit }
}

// endsMatched gives the groups' ends the numbers of their starts, from a depth on.
func endsMatched(b []byte, from int) []byte {
	var open []uint64
	return eachToken(b, func(t token) []byte {
		switch {
		case t.typ == protowire.StartGroupType:
			open = append(open, t.num)
		case t.typ == protowire.EndGroupType && t.depth >= 0:
			num := open[t.depth]
			open = open[:t.depth]
			if t.depth >= from {
				return t.numbered(num)
			}
		}
		return t.raw
	})
}

// groupsCut drops the groups of a message, each up to the first end that is
// taken for its own.
func groupsCut(b []byte, ends func(start, end token) bool) []byte {
	var open *token
	out := eachToken(b, func(t token) []byte {
		switch {
		case open == nil && t.typ == protowire.StartGroupType:
			open = &t
		case open == nil:
			return t.raw
		case t.typ == protowire.EndGroupType && ends(*open, t):
			open = nil
		}
		return nil
	})
	if open != nil {
		return b // without an end
	}
	return out
}
