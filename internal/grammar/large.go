package grammar

import (
	"bytes"
	"fmt"

	"google.golang.org/protobuf/encoding/protowire"

	"shimfuzz/internal/contract"
	"shimfuzz/internal/wire"
)

// Shape makes payloads of about a given size that cost a decoder in one way.
type Shape struct {
	Name string
	Want contract.Kind
	Make func(size int) []byte
}

// Shapes are the ways in which a payload can be large.
var Shapes = []Shape{
	{"long-string", contract.Options, func(size int) []byte {
		return plainLegacy(wire.Bytes(16, bytes.Repeat([]byte("x"), size)))
	}},
	{"many-annotations", contract.Options, func(size int) []byte {
		var m wire.Message
		for i := range size / 16 {
			m = append(m, wire.Sub(18, wire.String(1, fmt.Sprintf("%08d", i)), wire.String(2, "v")))
		}
		return plainLegacy(m...)
	}},
	{"same-annotation", contract.Options, func(size int) []byte {
		return plainLegacy(repeated(wire.Sub(18,
			wire.String(1, "k")), size))
	}},
	{"repeated-scalar", contract.Options, func(size int) []byte {
		return plainLegacy(repeated(wire.Varint(8, 1),
			size))
	}},
	{"unknown-fields", contract.Options, func(size int) []byte {
		return plainLegacy(repeated(wire.Varint(1000, 1),
			size))
	}},
	{"unknown-groups", contract.Options, func(size int) []byte {
		return plainLegacy(repeated(wire.Group(1000,
			wire.Varint(1, 1)), size))
	}},
	// At most 10,000 groups may be within one another: with 128 bytes to each,
	// that is 1.2 MiB.
	{"groups-in-groups", contract.Options, func(size int) []byte {
		filler := wire.Bytes(1, make([]byte, 124))
		var start, end []byte
		for range size / 128 {
			start = append(start, wire.Message{wire.Tag(15, protowire.StartGroupType), filler}.Encode()...)
			end = append(end, wire.Message{wire.Tag(15, protowire.EndGroupType)}.Encode()...)
		}
		return plainLegacy(wire.Raw(append(start, end...)))
	}},
	{"repeated-value", contract.Options, func(size int) []byte {
		return wire.Message{wire.String(1, contract.OptionsName), repeated(wire.String(2, "1234567890"), size),
			wire.Bytes(2, nil)}.Encode()
	}},
	{"empty-extensions", contract.None, func(size int) []byte {
		return wire.Message{wire.String(4, "2.3.7"), repeated(wire.Sub(8), size)}.Encode()
	}},
	{"foreign-extensions", contract.None, func(size int) []byte {
		ext := wire.Sub(8, wire.Sub(1, wire.String(1, "a.B"), wire.String(2, "value")))
		return wire.Message{wire.String(4, "2.3.7"), repeated(ext, size)}.Encode()
	}},
	{"options-behind-extensions", contract.Options, func(size int) []byte {
		ours := wire.Sub(8, wire.Sub(1, wire.String(1, contract.OptionsName)))
		return wire.Message{wire.String(4, "2.3.7"), repeated(wire.Sub(8), size), ours}.Encode()
	}},
	// typeurl decodes a value of any linked type before its type is looked at.
	{"foreign-messages", contract.Foreign, func(size int) []byte {
		return wire.Message{wire.String(1, "google.protobuf.FileDescriptorSet"),
			wire.Sub(2, repeated(wire.Sub(1), size))}.Encode()
	}},
	{"any-in-pieces", contract.Options, func(size int) []byte {
		piece := wire.Sub(1, wire.String(1, contract.OptionsName), wire.Bytes(2, nil))
		return wire.Message{wire.String(4, "2.3.7"), wire.Sub(8, repeated(piece, size))}.Encode()
	}},
	{"unknown-top-level", contract.None, func(size int) []byte {
		return wire.Message{repeated(wire.Varint(1000, 1), size), wire.String(4, "2.3.7")}.Encode()
	}},
}

// plainLegacy is a legacy Any of Options with these parts.
func plainLegacy(parts ...wire.Part) []byte {
	return wire.Message{wire.String(1, contract.OptionsName), wire.Sub(2, parts...)}.Encode()
}

func repeated(p wire.Part, size int) wire.Part {
	one := wire.Message{p}.Encode()
	return wire.Raw(bytes.Repeat(one, max(1, size/len(one))))
}
