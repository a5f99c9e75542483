package stdin

import (
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
	_ "google.golang.org/protobuf/types/known/durationpb" // is linked

	"shimfuzz/internal/contract"
	"shimfuzz/internal/wire"
)

func TestDumpOfFields(t *testing.T) {
	m := wire.Message{
		wire.String(1, "a/google.protobuf.Duration"),
		wire.Sub(2, wire.Varint(1, 1<<64-1), wire.Varint(2, 5).Wide(2),
			wire.Group(9, wire.Fixed32(1, 7)), wire.Tag(1, 6)),
		wire.Bytes(3, []byte{0xff}),
	}
	want := `
      0 1 type_url: 26 bytes "a/google.protobuf.Duration"
     28 2 value: 22 bytes, google.protobuf.Duration
     30   1 seconds: varint 18446744073709551615 (-1)
     41   2 nanos: varint 5 in 2 bytes
     44   9 ?: group, 5 bytes
     45     1 ?: fixed 07000000
     51   !! field 1, wire type 6: cannot parse reserved wire type: 0e
     52 3 ?: 1 bytes ff
`
	_, md := Family(contract.Create, nil)
	if got := "\n" + DumpAs(m.Encode(), md); got != want {
		t.Errorf("DumpAs:%s\nwant:%s", got, want)
	}
}

// What is wider than it needs to be is shown, and a fault as exactly as can be.
func TestDumpOddities(t *testing.T) {
	raw := func(b ...byte) wire.Part { return wire.Raw(b) }
	nines := wire.Raw([]byte(strings.Repeat("\xff", 9)))
	start, end := wire.Tag(9, protowire.StartGroupType), wire.Tag(9, protowire.EndGroupType)
	for _, test := range []struct {
		m    wire.Message
		want string
	}{
		{wire.Message{wire.Varint(1, 1).WideTag(2).Wide(3)}, "1 ?: varint 1 in 3 bytes, tag in 2 bytes"},
		{wire.Message{wire.Fixed32(1, 1).WideTag(2)}, "1 ?: fixed 01000000, tag in 2 bytes"},
		{wire.Message{wire.String(1, "a").Wide(10)}, `1 ?: 1 bytes "a", length in 10 bytes`},
		{wire.Message{wire.String(16, "a").WideTag(3).Wide(2)},
			`16 ?: 1 bytes "a", tag in 3 bytes, length in 2 bytes`},
		{wire.Message{wire.Group(9).WideTag(2)}, "9 ?: group, 0 bytes, tag in 2 bytes, end tag in 2 bytes"},
		{wire.Message{start, raw(0xcc, 0x80, 0)}, "9 ?: group, 0 bytes, end tag in 3 bytes"},

		{wire.Message{raw(0x80)}, "!! tag: unexpected EOF"},
		{wire.Message{nines, raw(2)}, "!! tag: variable length integer overflow"},
		{wire.Message{wire.Tag(0, 0)}, "!! field number 0 does not exist"},
		{wire.Message{wire.Tag(1<<29, 0), raw(1)}, "!! field number 536870912 does not exist"},
		{wire.Message{wire.Tag(1, 7)}, "!! field 1, wire type 7: cannot parse reserved wire type"},
		{wire.Message{wire.Tag(1, 0)}, "!! field 1, wire type 0: unexpected EOF"},
		{wire.Message{wire.Tag(1, 0), nines, raw(0x80, 0)},
			"!! field 1, wire type 0: variable length integer overflow"},
		{wire.Message{wire.Tag(1, protowire.BytesType), raw(2, 'x')}, "!! field 1: length 2, but 1 bytes left"},
		{wire.Message{wire.Tag(1, protowire.BytesType), wire.Raw(wire.WideVarint(1<<64-1, 0))},
			"!! field 1: length 18446744073709551615, but 0 bytes left"},
		{wire.Message{end}, "!! end of group 9, which has not begun"},
		{wire.Message{start}, "!! field 9, wire type 3: unexpected EOF"},
		{wire.Message{start, wire.Tag(8, protowire.StartGroupType), wire.Varint(1, 1), end},
			"!! field 9, wire type 3: mismatching end group marker"},
		{wire.Message{wire.Raw([]byte(strings.Repeat("\x0b", 10002) + strings.Repeat("\x0c", 10002)))},
			"!! field 1, wire type 3: parse error"},
	} {
		b := test.m.Encode()
		line, _, _ := strings.Cut(DumpAs(b, nil), "\n")
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
	deep := wire.Message{wire.Raw([]byte(strings.Repeat("\x0b", 20000) + strings.Repeat("\x0c", 20000)))}.Encode()
	long := wire.Message{wire.Raw([]byte(strings.Repeat("\x08\x01", 20000)))}.Encode()
	for _, b := range [][]byte{deep, long} {
		if lines := strings.Count(DumpAs(b, nil), "\n"); lines > maxLines+1 {
			t.Errorf("%d lines", lines)
		}
	}
}

// The rule that decides is named, and of what is malformed the fault.
func TestRules(t *testing.T) {
	bad, nines := []byte{0xff}, wire.Raw([]byte(strings.Repeat("\xff", 9)))
	options := func(value ...wire.Part) wire.Message {
		return wire.Message{wire.String(1, contract.OptionsName), wire.Sub(2, value...)}
	}
	params := func(any wire.Message) wire.Message { return wire.Message{wire.Sub(8, wire.Sub(1, any...))} }
	damaged := wire.Message{wire.String(1, "google.protobuf.Duration"), wire.Bytes(2, []byte{0x0e})}
	for _, test := range []struct {
		in   contract.Input
		m    wire.Message
		want contract.Kind
		ids  string
	}{
		{contract.Stdin, nil, contract.None, "R1"},
		{contract.Stdin, options(), contract.Read, "R1"},
		{contract.Stdin, wire.Message{nines, wire.Raw([]byte{2})}, contract.Malformed, "R2 M5"},
		{contract.Stdin, wire.Message{wire.Tag(1, 0), nines, wire.Raw([]byte{2})}, contract.Malformed,
			"R2 over-64-bits"},
		{contract.Stdin, wire.Message{wire.Tag(1, protowire.StartGroupType)}, contract.Malformed, "R2 M8"},
		{contract.Stdin, wire.Message{wire.Tag(1, 6)}, contract.Malformed, "R2 M2"},
		{contract.Stdin, params(options()), contract.Options, "R3"},
		{contract.Stdin, params(options(wire.Bytes(16, bad))), contract.Malformed, "R3 M11"},
		{contract.Stdin, append(params(damaged), params(options(wire.Tag(0, 0)))...), contract.Malformed, "R3 M3"},
		{contract.Stdin, options(), contract.Options, "R4a"},
		{contract.Stdin, options(wire.Group(30, wire.Varint(1<<29, 1))), contract.Malformed, "R4a M4"},
		{contract.Stdin, wire.Message{wire.String(1, "web-1"), wire.String(2, "k8s.io")}, contract.None, "R4b"},
		{contract.Stdin, damaged, contract.Foreign, "R4c"},
		{contract.Create, params(options()), contract.Foreign, "C3"},
		{contract.Create, options(wire.Tag(2, protowire.BytesType), wire.Raw([]byte{2})), contract.Malformed, "C2 M6"},
	} {
		if ids := strings.Join(Rules(test.in, test.m.Encode(), test.want), " "); ids != test.ids {
			t.Errorf("%x as %d: %s, want %s", test.m.Encode(), test.in, ids, test.ids)
		}
	}
}
