package wire

import (
	"encoding/hex"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
)

func TestEncode(t *testing.T) {
	for _, test := range []struct {
		name string
		m    Message
		want string
	}{
		{"nothing", nil, ""},
		{"varint", Message{Varint(1, 300)}, "08ac02"},
		{"wide value", Message{Varint(1, 1).Wide(3)}, "08818000"},
		{"wide tag", Message{Varint(1, 1).WideTag(2)}, "880001"},
		{"wide length", Message{String(1, "a").Wide(2)}, "0a810061"},
		{"too wide to matter", Message{Varint(1, 300).Wide(1)}, "08ac02"},
		{"fixed32", Message{Fixed32(1, 1)}, "0d01000000"},
		{"fixed64", Message{Fixed64(1, 1)}, "090100000000000000"},
		{"message", Message{Sub(1, Varint(2, 1))}, "0a021001"},
		{"empty message", Message{Sub(1)}, "0a00"},
		{"group", Message{Group(1, Varint(2, 0))}, "0b10000c"},
		{"tag alone", Message{Tag(0, 0)}, "00"},
		{"tag of a reserved type", Message{Tag(1, 7)}, "0f"},
		{"raw", Message{Raw([]byte{0xff}), Varint(1, 1)}, "ff0801"},
	} {
		if got := hex.EncodeToString(test.m.Encode()); got != test.want {
			t.Errorf("%s: %s, want %s", test.name, got, test.want)
		}
	}
}

func TestParse(t *testing.T) {
	whole := Message{Varint(1, 1), String(2, "abc"), Group(3, Varint(1, 1)), Fixed32(4, 1)}
	b := whole.Encode()
	fields, rest := Parse(b)
	if len(fields) != 4 || len(rest) != 0 {
		t.Fatalf("Parse: %d fields, rest %x", len(fields), rest)
	}
	if string(fields[1].Value) != "abc" || fields[1].Offset != 2 {
		t.Errorf("the string field: %q at %d", fields[1].Value, fields[1].Offset)
	}
	for _, bad := range []Part{Tag(1, 6), Tag(0, 0), Tag(1<<29, 0), Tag(1, protowire.EndGroupType), Raw([]byte{0x80})} {
		fields, rest := Parse(append(whole.Encode(), Message{bad}.Encode()...))
		if len(fields) != 4 || len(rest) == 0 {
			t.Errorf("Parse before %x: %d fields, rest %x", Message{bad}.Encode(), len(fields), rest)
		}
	}
}
