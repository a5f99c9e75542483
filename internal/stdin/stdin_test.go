package stdin

import (
	"strings"
	"testing"

	"shimfuzz/internal/contract"
	"shimfuzz/internal/wire"
)

// A message is BootstrapParams if one of the fields 3 to 9 stands there with the
// wire type that BootstrapParams gives it (docs/contract.md, R3).
func TestIsBootstrap(t *testing.T) {
	for _, test := range []struct {
		name string
		m    wire.Message
		want bool
	}{
		{"nothing", nil, false},
		{"an ID and a namespace", wire.Message{wire.String(1, "web-1"), wire.String(2, "k8s.io")}, false},
		{"a log level", wire.Message{wire.Varint(3, 4)}, true},
		{"a version", wire.Message{wire.String(4, "")}, true},
		{"an extension", wire.Message{wire.Sub(8)}, true},
		{"a socket directory", wire.Message{wire.String(9, "x")}, true},
		{"a log level of another wire type", wire.Message{wire.String(3, "x")}, false},
		{"a version of another wire type", wire.Message{wire.Varint(4, 1)}, false},
		{"an unknown field", wire.Message{wire.String(10, "x")}, false},
		{"a version in a group", wire.Message{wire.Group(10, wire.String(4, "2.3"))}, false},
		{"a version before a fault", wire.Message{wire.String(4, "2.3"), wire.Raw([]byte{0xff})}, true},
	} {
		if got := IsBootstrap(test.m.Encode()); got != test.want {
			t.Errorf("%s: %v, want %v", test.name, got, test.want)
		}
	}
}

// The last type URL and the last value count, whether or not the message is an Any.
func TestAnyParts(t *testing.T) {
	m := wire.Message{wire.String(1, "a"), wire.String(2, "v"), wire.Varint(1, 7), wire.String(1, "b")}
	if url, value := AnyParts(m.Encode()); url != "b" || string(value) != "v" {
		t.Errorf("AnyParts = %q, %q", url, value)
	}
}

// What stands in the place of Options: an Any's value, or that of the first
// extension.
func TestOptionsBytes(t *testing.T) {
	legacy := wire.Message{wire.String(1, contract.OptionsName), wire.String(2, "v")}
	params := wire.Message{wire.String(4, "2.3"), wire.Sub(8, wire.Sub(1, legacy...)),
		wire.Sub(8, wire.Sub(1, wire.String(2, "second")))}
	for name, test := range map[string]struct {
		m    wire.Message
		want string
	}{"legacy": {legacy, "v"}, "bootstrap": {params, "v"}, "without options": {wire.Message{wire.String(4, "2.3")}, ""},
		"nothing": {nil, ""}} {
		if got := OptionsBytes(test.m.Encode()); string(got) != test.want || got == nil {
			t.Errorf("%s: %q, want %q", name, got, test.want)
		}
	}
}

// A dump shows the message that the payload is by the contract.
func TestDump(t *testing.T) {
	legacy := wire.Message{wire.String(1, contract.OptionsName), wire.Sub(2, wire.Varint(1, 1))}
	for _, test := range []struct {
		m      wire.Message
		family string
		want   []string
	}{
		{legacy, "a legacy Any", []string{`1 type_url: 28 bytes "containerd.runhcs.v1.Options"`, "1 debug: varint 1"}},
		{wire.Message{wire.String(4, "2.3"), wire.Sub(8, wire.Sub(1, legacy...))}, "BootstrapParams",
			[]string{"4 containerd_version", "8 extensions", "1 debug: varint 1"}},
	} {
		b := test.m.Encode()
		if got, _ := Family(contract.Stdin, b); got != test.family {
			t.Errorf("Family = %q, want %q", got, test.family)
		}
		for _, want := range test.want {
			_, md := Family(contract.Stdin, b)
			if dump := DumpAs(b, md); !strings.Contains(dump, want) {
				t.Errorf("%q is not in:\n%s", want, dump)
			}
		}
	}
}
