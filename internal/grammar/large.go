package grammar

import (
	"bytes"
	"fmt"
	"slices"

	"google.golang.org/protobuf/encoding/protowire"

	"shimfuzz/internal/contract"
	"shimfuzz/internal/wire"
)

// Shape makes payloads of about a given size that cost a decoder in one way.
type Shape struct {
	Name   string
	Want   contract.Kind
	around func(much []Token) []Token
	much   func(size int) []wire.Part
}

// Make makes a payload of about a size.
func (s Shape) Make(size int) []byte { return Encode(s.around([]Token{part("", "", s.much(size)...)})) }

// Shapes are the ways in which a payload can be large.
var Shapes = []Shape{
	{"long-string", contract.Options, RunHCS.legacy, func(size int) []wire.Part {
		return []wire.Part{wire.Bytes(16, bytes.Repeat([]byte("x"), size))}
	}},
	{"long-unknown", contract.Options, RunHCS.legacy, func(size int) []wire.Part {
		return []wire.Part{wire.Bytes(1000, make([]byte, size))}
	}},
	{"many-annotations", contract.Options, RunHCS.legacy, func(size int) (parts []wire.Part) {
		for i := range size / 16 {
			parts = append(parts, wire.Sub(18, wire.String(1, fmt.Sprintf("%08d", i)), wire.String(2, "v")))
		}
		return parts
	}},
	{"same-annotation", contract.Options, RunHCS.legacy, many(wire.Sub(18, wire.String(1, "k")))},
	{"repeated-scalar", contract.Options, RunHCS.legacy, many(wire.Varint(8, 1))},
	{"unknown-fields", contract.Options, RunHCS.legacy, many(wire.Varint(1000, 1))},
	{"unknown-groups", contract.Options, RunHCS.legacy, many(wire.Group(1000, wire.Varint(1, 1)))},
	// At most 10,000 groups may be within one another: with 128 bytes to each,
	// that is 1.2 MiB.
	{"groups-in-groups", contract.Options, RunHCS.legacy, func(size int) []wire.Part {
		n := size / 128
		start := many(wire.Tag(15, protowire.StartGroupType), wire.Bytes(1, make([]byte, 124)))
		return append(start(n*127), many(wire.Tag(15, protowire.EndGroupType))(n)...)
	}},
	{"repeated-value", contract.Options, func(much []Token) []Token {
		return []Token{RunHCS.ours, much[0], value("")}
	}, many(wire.String(2, "1234567890"))},
	{"empty-extensions", contract.None, inVersion, many(wire.Sub(8))},
	{"foreign-extensions", contract.None, inVersion,
		many(wire.Sub(8, wire.Sub(1, wire.String(1, "a.B"), wire.String(2, "value"))))},
	{"options-behind-extensions", contract.Options, func(much []Token) []Token {
		return append(inVersion(much), RunHCS.inExtension())
	}, many(wire.Sub(8))},
	// typeurl decodes a value of any linked type before its type is looked at.
	{"foreign-messages", contract.Foreign, func(much []Token) []Token {
		return []Token{RunHCS.url("google.protobuf.FileDescriptorSet"), value("", much...)}
	}, many(wire.Sub(1))},
	{"any-in-pieces", contract.Options, inParams, many(wire.Sub(1, wire.String(1, contract.OptionsName), wire.Sub(2)))},
	{"unknown-top-level", contract.None, func(much []Token) []Token { return append(much, version) },
		many(wire.Varint(1000, 1))},
}

// AtEnd is a payload of a family of exactly so many bytes, with the Options at its very end: in
// the last so many bytes.
func (g *Grammar) AtEnd(family Level, size int) (b []byte, last int) {
	head, end := []Token{}, g.legacy([]Token{g.sent})
	if family == Bootstrap { // what comes before the end is none, and not an unfinished Any
		head, end = []Token{version}, []Token{g.inExtension(g.sent)}
	}
	const tagAndLength = 1 + 4 // bytes, up to 128 MiB
	last = len(Encode(end))
	filler := make([]byte, size-len(Encode(head))-last-tagAndLength)
	unknown := part("", "", wire.Bytes(g.sites[family].unknown, filler).Wide(4))
	return Encode(slices.Concat(head, []Token{unknown}, end)), last
}

// inVersion is BootstrapParams with these tokens.
func inVersion(much []Token) []Token { return slices.Concat([]Token{version}, much) }

// many is as many of some parts as have the size.
func many(parts ...wire.Part) func(size int) []wire.Part {
	b := wire.Message(parts).Encode()
	return func(size int) []wire.Part { return []wire.Part{wire.Raw(bytes.Repeat(b, max(1, size/len(b))))} }
}
