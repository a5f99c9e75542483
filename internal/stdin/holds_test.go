package stdin

import (
	"testing"

	"shimfuzz/internal/wire"
)

// Options of a type are the value of an Any that names it, or that of an extension.
func TestHolds(t *testing.T) {
	anyOf := func(url string, value ...wire.Part) wire.Message {
		return wire.Message{wire.String(1, url), wire.Sub(2, value...)}
	}
	params := func(extensions ...wire.Message) wire.Message {
		m := wire.Message{wire.String(1, "a.Options"), wire.String(4, "2.3")}
		for _, e := range extensions {
			m = append(m, wire.Sub(8, wire.Sub(1, e...)))
		}
		return m
	}
	cut := wire.Raw([]byte{0x0a, 0x05})
	for _, test := range []struct {
		name              string
		m                 wire.Message
		holds, wellFormed bool
	}{
		{"nothing", nil, false, false},
		{"an Any", anyOf("a.Options", wire.Bool(1, true)), true, true},
		{"an Any without a value", wire.Message{wire.String(1, "a.Options")}, true, true},
		{"an Any with a URL", anyOf("example.com/a.Options"), true, true},
		{"an Any of a damaged value", anyOf("a.Options", cut), true, false},
		{"an Any of another type", anyOf("b.Options"), false, false},
		{"an Any of a longer name", anyOf("x.a.Options"), false, false},
		{"BootstrapParams whose ID is the type's name", params(), false, false},
		{"BootstrapParams with the type", params(anyOf("a.Options")), true, true},
		{"BootstrapParams with the type second", params(anyOf("b.Options"), anyOf("a.Options", wire.Bool(1, true))),
			true, true},
		{"BootstrapParams with a damaged value", params(anyOf("a.Options", cut)), true, false},
		{"BootstrapParams with another type", params(anyOf("b.Options")), false, false},
	} {
		holds, wellFormed := Holds(test.m.Encode(), "a.Options")
		if holds != test.holds || wellFormed != test.wellFormed {
			t.Errorf("%s: %v, %v; want %v, %v", test.name, holds, wellFormed, test.holds, test.wellFormed)
		}
	}
}
