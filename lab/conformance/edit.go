package conformance

import (
	"slices"

	"google.golang.org/protobuf/encoding/protowire"

	"shimfuzz/internal/wire"
)

// piece is a field at any depth of a payload, or what is left of a message behind the last
// field that can be read.
type piece struct {
	wire.Field       // Offset is from the payload's start; Num is 0 if it is no field
	tag        int   // its size
	lengths    []int // where those of the fields around it stand, the outer ones first
	inside     []int // the same for what is in its value
	isSound    bool  // it is a field of a message that can be read to its end
}

// end is where a piece ends, and value where its value begins.
func (p piece) end() int   { return p.Offset + len(p.Raw) }
func (p piece) value() int { return p.end() - len(p.Value) }

// maxDepth is how deep a payload is taken apart.
const maxDepth = 100

// piecesOf are those of a message that stands somewhere in a payload, each before those in it.
// What a field holds is a text and a message: nothing says which.
func piecesOf(message []byte, at int, lengths []int) (all []piece) {
	fields, rest := wire.Parse(message)
	for _, f := range fields {
		f.Offset += at
		_, tag := protowire.ConsumeVarint(f.Raw)
		p := piece{f, tag, lengths, lengths, len(rest) == 0}
		switch {
		case f.Type == protowire.BytesType && len(lengths) < maxDepth:
			p.inside = append(slices.Clip(lengths), f.Offset+tag)
			all = append(append(all, p), piecesOf(f.Value, p.value(), p.inside)...)
		case f.Type == protowire.StartGroupType:
			body, _ := protowire.ConsumeGroup(f.Num, f.Raw[tag:])
			all = append(append(all, p), piecesOf(body, f.Offset+tag, lengths)...)
		default:
			all = append(all, p)
		}
	}
	if len(rest) > 0 {
		end := wire.Field{Offset: at + len(message) - len(rest), Value: rest, Raw: rest}
		all = append(all, piece{Field: end, lengths: lengths, inside: lengths})
	}
	return all
}

// edit puts bytes in the place of others, and mends the lengths of the fields around them.
type edit struct {
	from, to int
	with     []byte
	lengths  []int
}

// longer is by how many bytes it makes longer what it edits.
func (e edit) longer() int { return len(e.with) - (e.to - e.from) }

// of returns the payload b, edited. A length that has more bytes than it needs keeps them.
func (e edit) of(b []byte) []byte {
	b = slices.Concat(b[:e.from], e.with, b[e.to:])
	longer := e.longer()
	for _, at := range slices.Backward(e.lengths) {
		size, n := protowire.ConsumeVarint(b[at:])
		width := n
		if width == protowire.SizeVarint(size) {
			width = 0
		}
		length := wire.WideVarint(size+uint64(longer), width)
		b = slices.Concat(b[:at], length, b[at+n:])
		longer += len(length) - n
	}
	return b
}
