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
	{"same-annotation", contract.Options, manyInOptions(wire.Sub(18, wire.String(1, "k")))},
	{"repeated-scalar", contract.Options, manyInOptions(wire.Varint(8, 1))},
	{"unknown-fields", contract.Options, manyInOptions(wire.Varint(1000, 1))},
	{"unknown-groups", contract.Options, manyInOptions(wire.Group(1000, wire.Varint(1, 1)))},
	// At most 10,000 groups may be within one another: with 128 bytes to each,
	// that is 1.2 MiB.
	{"groups-in-groups", contract.Options, func(size int) []byte {
		start := wire.Message{wire.Tag(15, protowire.StartGroupType), wire.Bytes(1, make([]byte, 124))}.Encode()
		end := wire.Message{wire.Tag(15, protowire.EndGroupType)}.Encode()
		return plainLegacy(wire.Raw(bytes.Repeat(start, size/128)), wire.Raw(bytes.Repeat(end, size/128)))
	}},
	{"repeated-value", contract.Options, many(wire.String(2, "1234567890"), func(many wire.Part) wire.Message {
		return wire.Message{optionsURL, many, wire.Bytes(2, nil)}
	})},
	{"empty-extensions", contract.None, manyInParams(wire.Sub(8))},
	{"foreign-extensions", contract.None,
		manyInParams(wire.Sub(8, wire.Sub(1, wire.String(1, "a.B"), wire.String(2, "value"))))},
	{"options-behind-extensions", contract.Options, manyInParams(wire.Sub(8), wire.Sub(8, wire.Sub(1, optionsURL)))},
	// typeurl decodes a value of any linked type before its type is looked at.
	{"foreign-messages", contract.Foreign, many(wire.Sub(1), func(many wire.Part) wire.Message {
		return wire.Message{wire.String(1, "google.protobuf.FileDescriptorSet"), wire.Sub(2, many)}
	})},
	{"any-in-pieces", contract.Options, many(wire.Sub(1, optionsURL, wire.Bytes(2, nil)),
		func(many wire.Part) wire.Message { return wire.Message{wire.String(4, "2.3.7"), wire.Sub(8, many)} })},
	{"unknown-top-level", contract.None, many(wire.Varint(1000, 1), func(many wire.Part) wire.Message {
		return wire.Message{many, wire.String(4, "2.3.7")}
	})},
}

// optionsURL is the type URL of an Any of Options.
var optionsURL = wire.String(1, contract.OptionsName)

// plainLegacy is a legacy Any of Options with these parts.
func plainLegacy(parts ...wire.Part) []byte {
	return wire.Message{optionsURL, wire.Sub(2, parts...)}.Encode()
}

// many makes a message of as many of one part as have the size.
func many(one wire.Part, message func(many wire.Part) wire.Message) func(size int) []byte {
	b := wire.Message{one}.Encode()
	return func(size int) []byte { return message(wire.Raw(bytes.Repeat(b, max(1, size/len(b))))).Encode() }
}

func manyInOptions(one wire.Part) func(size int) []byte {
	return many(one, func(many wire.Part) wire.Message { return wire.Message{optionsURL, wire.Sub(2, many)} })
}

func manyInParams(one wire.Part, behind ...wire.Part) func(size int) []byte {
	return many(one, func(many wire.Part) wire.Message {
		return append(wire.Message{wire.String(4, "2.3.7"), many}, behind...)
	})
}
