package bugs

import (
	"errors"
	"fmt"
	"slices"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protowire"
)

// RustProtobuf reads a message as the crate protobuf 3.7.2 does, written from its behaviour,
// with none of its code. It returns the last occurrence of one length-delimited field. texts are
// the fields that must be UTF-8, uint32s those whose value must fit into 32 bits.
//
// The crate differs from other decoders in this: a tag or a length has at most five bytes, and
// the number of a group's end is not compared with that of its start. The errors have the names
// that the crate prints; it says TruncatedMessage in place of UnexpectedEof for some lengths.
func RustProtobuf(b []byte, num uint64, texts, uint32s []uint64) (last string, err error) {
	crate := misreading{tag: func(t *token) {
		is32 := t.typ == protowire.BytesType || t.depth == 0 && slices.Contains(uint32s, t.num)
		switch {
		case isTooLong(t.tag, true) || hasVarint(t.typ) && isTooLong(t.val, is32):
			err = errors.New("IncorrectVarint")
		case t.num == 0 || t.typ > protowire.Fixed32Type:
			err = fmt.Errorf("IncorrectTag(%d)", t.num<<3|uint64(t.typ))
		case t.typ == protowire.StartGroupType && t.depth > 100:
			err = errors.New("OverRecursionLimit")
		case t.typ == protowire.EndGroupType && t.group == nil:
			err = errors.New("UnexpectedWireType(EndGroup)")
		default:
			return
		}
		t.refuse()
	}}
	m, _ := crate.read(nil, b, len(b))
	for _, t := range m.tokens {
		if slices.ContainsFunc(texts, t.isBytes) && !utf8.Valid(t.body()) {
			return "", errors.New("Utf8Error")
		}
	}
	if err == nil && (len(m.rest) > 0 || len(m.open) > 0) {
		err = errors.New("UnexpectedEof")
	}
	return m.last(num), err
}

func hasVarint(typ protowire.Type) bool {
	return typ == protowire.VarintType || typ == protowire.BytesType
}

// isTooLong reports whether what b begins with is no varint of 64 bits in ten bytes; or if it
// is32, none of 32 bits in five. One that is cut is no fault.
func isTooLong(b []byte, is32 bool) bool {
	longest := maxVarint
	if is32 {
		longest = 5
	}
	v, n := protowire.ConsumeVarint(b[:min(len(b), longest)])
	return n < 0 && len(b) >= longest || is32 && v>>32 != 0
}
