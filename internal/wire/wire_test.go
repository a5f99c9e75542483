package wire

import (
	"encoding/hex"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/durationpb"
)

func TestEncode(t *testing.T) {
	for _, test := range []struct {
		name string
		m    Message
		want string
	}{
		{"nothing", nil, ""},
		{"varint", Message{Varint(1, 300)}, "08ac02"},
		{"negative int32 takes ten bytes", Message{Int(1, -1)}, "08ffffffffffffffffff01"},
		{"wide value", Message{Varint(1, 1).Wide(3)}, "08818000"},
		{"wide tag", Message{Varint(1, 1).WideTag(2)}, "880001"},
		{"wide length", Message{String(1, "a").Wide(2)}, "0a810061"},
		{"too wide to matter", Message{Varint(1, 300).Wide(1)}, "08ac02"},
		{"fixed32", Message{Fixed32(1, 1)}, "0d01000000"},
		{"fixed64", Message{Fixed64(1, 1)}, "090100000000000000"},
		{"message", Message{Sub(1, Bool(2, true))}, "0a021001"},
		{"empty message", Message{Sub(1)}, "0a00"},
		{"group", Message{Group(1, Bool(2, false))}, "0b10000c"},
		{"tag alone", Message{Tag(0, 0)}, "00"},
		{"tag of a reserved type", Message{Tag(1, 7)}, "0f"},
		{"raw", Message{Raw([]byte{0xff}), Bool(1, true)}, "ff0801"},
	} {
		if got := hex.EncodeToString(test.m.Encode()); got != test.want {
			t.Errorf("%s: %s, want %s", test.name, got, test.want)
		}
	}
}

func TestParse(t *testing.T) {
	whole := Message{Varint(1, 1), String(2, "abc"), Group(3, Bool(1, true)), Fixed32(4, 1)}
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

func TestDump(t *testing.T) {
	md := (*anypb.Any)(nil).ProtoReflect().Descriptor()
	schema := func(url string) protoreflect.MessageDescriptor {
		if url == "a/google.protobuf.Duration" {
			return (*durationpb.Duration)(nil).ProtoReflect().Descriptor()
		}
		return nil
	}
	m := Message{
		String(1, "a/google.protobuf.Duration"),
		Sub(2, Int(1, -1), Varint(2, 5).Wide(2), Group(9, Fixed32(1, 7)), Tag(1, 6)),
		Bytes(3, []byte{0xff}),
	}
	want := `
      0 1 type_url: 26 bytes "a/google.protobuf.Duration"
     28 2 value: 22 bytes, google.protobuf.Duration
     30   1 seconds: varint 18446744073709551615 (-1)
     41   2 nanos: varint 5 in 2 bytes
     44   9 ?: group, 5 bytes
     45     1 ?: fixed 07000000
     51   !! field 1: wire type 6 does not exist: 0e
     52 3 ?: 1 bytes ff
`
	if got := "\n" + Dump(m.Encode(), md, schema); got != want {
		t.Errorf("Dump:%s\nwant:%s", got, want)
	}
}

// What is wider than it needs to be is shown, and a fault as exactly as can be.
func TestDumpOddities(t *testing.T) {
	raw := func(b ...byte) Part { return Raw(b) }
	nines := strings.Repeat("\xff", 9)
	start, end := Tag(9, protowire.StartGroupType), Tag(9, protowire.EndGroupType)
	for _, test := range []struct {
		m    Message
		want string
	}{
		{Message{Varint(1, 1).WideTag(2).Wide(3)}, "1 ?: varint 1 in 3 bytes, tag in 2 bytes"},
		{Message{Fixed32(1, 1).WideTag(2)}, "1 ?: fixed 01000000, tag in 2 bytes"},
		{Message{String(1, "a").Wide(10)}, `1 ?: 1 bytes "a", length in 10 bytes`},
		{Message{String(16, "a").WideTag(3).Wide(2)}, `16 ?: 1 bytes "a", tag in 3 bytes, length in 2 bytes`},
		{Message{Group(9).WideTag(2)}, "9 ?: group, 0 bytes, tag in 2 bytes, end tag in 2 bytes"},
		{Message{start, raw(0xcc, 0x80, 0)}, "9 ?: group, 0 bytes, end tag in 3 bytes"},

		{Message{raw(0x80)}, "!! tag cut after 1 bytes"},
		{Message{Raw([]byte(nines)), raw(2)}, "!! tag of more than 64 bits"},
		{Message{Raw([]byte(nines)), raw(0x80, 0)}, "!! tag of more than 10 bytes"},
		{Message{Tag(0, 0)}, "!! field number 0 does not exist"},
		{Message{Tag(1<<29, 0), raw(1)}, "!! tag of 2^32 or more, field number 536870912 does not exist"},
		{Message{Tag(1, 7)}, "!! field 1: wire type 7 does not exist"},
		{Message{Tag(1, 0)}, "!! field 1: varint cut after 0 bytes"},
		{Message{Tag(1, 0), Raw([]byte(nines)), raw(2)}, "!! field 1: varint of more than 64 bits"},
		{Message{Tag(1, 0), Raw([]byte(nines)), raw(0x80, 0)}, "!! field 1: varint of more than 10 bytes"},
		{Message{Tag(1, protowire.Fixed32Type), raw(1, 2, 3)}, "!! field 1: 3 of 4 bytes"},
		{Message{Tag(1, protowire.Fixed64Type)}, "!! field 1: 0 of 8 bytes"},
		{Message{Tag(1, protowire.BytesType), raw(2, 'x')}, "!! field 1: length 2, but 1 bytes left"},
		{Message{Tag(1, protowire.BytesType), Raw(WideVarint(1<<64-1, 0))},
			"!! field 1: length 18446744073709551615, but 0 bytes left"},
		{Message{Tag(1, protowire.BytesType), raw(0x80)}, "!! field 1: length cut after 1 bytes"},
		{Message{end}, "!! end of group 9, which has not begun"},
		{Message{start}, "!! group 9 does not end"},
		{Message{start, Tag(8, protowire.StartGroupType), Varint(1, 1), end}, "!! group 8 ends as group 9"},
		{Message{start, Group(8), Varint(1, 1)}, "!! group 9 does not end"},
		{Message{start, Tag(1, 6), end}, "!! in group 9: field 1: wire type 6 does not exist"},
		{Message{start, raw(0x80)}, "!! in group 9: tag cut after 1 bytes"},
		{Message{Raw([]byte(strings.Repeat("\x0b", 10002) + strings.Repeat("\x0c", 10002)))},
			"!! group 1 holds too many levels of groups"},
	} {
		b := test.m.Encode()
		line, _, _ := strings.Cut(Dump(b, nil, nil), "\n")
		want := "      0 " + test.want
		if strings.HasPrefix(test.want, "!!") {
			want += ": " + short(b)
		}
		if line != want {
			t.Errorf("%.40x:\n%s\nwant:\n%s", b, line, want)
		}
	}
}

// A dump stays on a screen, however deep or long the message is.
func TestDumpIsShort(t *testing.T) {
	deep := Message{Raw([]byte(strings.Repeat("\x0b", 20000) + strings.Repeat("\x0c", 20000)))}.Encode()
	long := Message{Raw([]byte(strings.Repeat("\x08\x01", 20000)))}.Encode()
	for _, b := range [][]byte{deep, long} {
		if lines := strings.Count(Dump(b, nil, nil), "\n"); lines > maxDumpLines+1 {
			t.Errorf("%d lines", lines)
		}
	}
}
