package bugs

import (
	"testing"

	"google.golang.org/protobuf/encoding/protowire"

	"shimfuzz/internal/contract"
	"shimfuzz/internal/grammar"
	"shimfuzz/internal/reference"
	"shimfuzz/internal/wire"
)

var ours = wire.String(1, contract.OptionsName)

// An engine without a defect takes a payload for what it is.
func TestNoDefect(t *testing.T) {
	for _, place := range grammar.RunHCS.Contexts() {
		for _, e := range grammar.RunHCS.Tokens(place.Level) {
			b := grammar.Encode(place.Payload([]grammar.Token{e}))
			if got := (Engine{}).Reads(b); !contract.SameSet(reference.Want(b), reference.Want(got)) {
				t.Errorf("%s, %s: %x is taken for %x", place.Name, e.Name, b, got)
			}
		}
	}
}

// Each defect is seen at the one payload that is its smallest example.
func TestDefects(t *testing.T) {
	for _, test := range []struct {
		engine, defect string
		payload        wire.Message
		got            contract.Kind
	}{
		{"cpp", "cut-tag", wire.Message{ours, wire.Raw(wire.WideVarint(1<<32|2<<3|2, 0)), wire.Raw([]byte{0})},
			contract.Options},
		{"python", "wide-tag-unknown", wire.Message{ours.WideTag(5)}, contract.Foreign},
		{"python", "range-unchecked", wire.Message{wire.Raw([]byte{0x8b, 0x80, 0, 0x0c}), ours, wire.Tag(1<<29,
			protowire.VarintType), wire.Raw([]byte{0})}, contract.Options},
		{"python", "range-unchecked", wire.Message{ours, wire.Tag(1<<29, protowire.VarintType), wire.Raw([]byte{0})},
			contract.Options},
		{"python", "range-unchecked", wire.Message{wire.Raw([]byte{10, 0x9c, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80,
			0x80, 2}), wire.Raw([]byte(contract.OptionsName))}, contract.Options},
		{"python", "end-tag-by-suffix", wire.Message{ours, wire.Group(10).WideTag(1),
			wire.Raw([]byte{10<<3 | 3, 10<<3 | 4 | 0x80, 0})}, contract.Malformed},
		{"javascript", "wire-type-ignored", wire.Message{ours, wire.Varint(1, 0)}, contract.Foreign},
		{"javascript", "cut-length", wire.Message{ours, wire.Tag(2, protowire.BytesType),
			wire.Raw(wire.WideVarint(1<<32, 0))}, contract.Options},
		{"javascript", "cut-length", wire.Message{wire.Tag(2, protowire.BytesType),
			wire.Raw(wire.WideVarint(1<<32|7, 0)), wire.Raw([]byte("default")), wire.String(1, "a.B")}, contract.None},
		{"javascript", "wire-type-ignored", wire.Message{ours, wire.Varint(2, 2), wire.Raw([]byte{10, 0})},
			contract.Options},
		{"javascript", "long-varint-skipped", wire.Message{ours, wire.Varint(10, 0).Wide(11)}, contract.Options},
		{"javascript", "message-overrun", wire.Message{wire.Bytes(8, []byte{0x22}), wire.Raw([]byte{1, 0xff})},
			contract.None},
		{"go", "numbers-unchecked-in-group", wire.Message{ours, wire.Group(10, wire.Tag(1<<29, protowire.VarintType),
			wire.Raw([]byte{0}))}, contract.Options},
		{"rust", "wire-type-refused", wire.Message{ours, wire.Varint(1, 0)}, contract.Malformed},
		{"rust", "wire-type-refused", wire.Message{wire.String(1, "a"), wire.String(2, "b"), wire.Varint(5, 0)},
			contract.Foreign},
	} {
		payload := test.payload.Encode()
		got := contract.Outcome{Kind: test.got}
		if test.got == contract.Options {
			got = reference.Want(wire.Message{ours}.Encode())
		} else if allows(reference.Want(payload), got) {
			t.Errorf("%s: %s is right", test.defect, test.got)
		}
		if why := Engines[test.engine].Explain(payload, got); len(why) != 1 || why[0].Name != test.defect {
			t.Errorf("%s: %s to %x is explained by %v, want %s", test.engine, test.got, payload, why, test.defect)
		}
		if why := Engines[test.engine].Explain(payload, contract.Outcome{Kind: contract.Panic}); why != nil {
			t.Errorf("%s: a panic is explained by %v", test.engine, why)
		}
	}
}
