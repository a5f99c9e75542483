package reference

import (
	"fmt"
	"testing"

	"shimfuzz/internal/contract"
	"shimfuzz/internal/wire"
)

// kinds are those of the wanted answer, and of the others.
func kinds(b []byte) string {
	want := Want(b)
	others := []contract.Kind{}
	for _, o := range want.Or {
		others = append(others, o.Kind)
	}
	return fmt.Sprint(want.Kind, " ", others)
}

// The freedom overwritten of docs/contract.md; and what stands in an unknown group is not
// decoded as a sub-message, whatever its number.
func TestWant(t *testing.T) {
	bad := "\xff"
	for _, test := range []struct {
		name string
		m    wire.Message
		want string
	}{
		{"nothing is overwritten", wire.Message{wire.String(1, contract.OptionsName)}, "options []"},
		{"valid text is overwritten", wire.Message{wire.String(1, "x"), wire.String(1, contract.OptionsName)},
			"options []"},
		{"an invalid type URL, by ours", wire.Message{wire.String(1, bad), wire.String(1, contract.OptionsName)},
			"error/malformed [error/foreign options]"},
		{"an invalid type URL, by another", wire.Message{wire.String(1, bad), wire.String(1, "a.B")},
			"error/malformed [error/foreign]"},
		{"an invalid value of ours", wire.Message{wire.String(2, bad), wire.String(1, contract.OptionsName),
			wire.String(2, "")}, "options []"},
		{"an invalid namespace", wire.Message{wire.String(2, bad), wire.String(1, "web-1"), wire.String(2, "k8s.io")},
			"error/foreign [error/malformed none]"},
		{"the last value is invalid", wire.Message{wire.String(2, "k8s.io"), wire.String(1, "web-1"),
			wire.String(2, bad)}, "error/foreign []"},
		{"BootstrapParams", wire.Message{wire.String(1, bad), wire.String(1, "web-1"), wire.String(4, "2.3")},
			"error/malformed []"},
		{"a damaged field in an unknown group", wire.Message{wire.String(1, contract.OptionsName), wire.Sub(2,
			wire.Group(30, wire.Bytes(18, []byte{0x0b, 0x80, 0x80, 0x80, 0x80, 0x10, 1, 0x0c})))}, "options []"},
		{"not a message", wire.Message{wire.String(1, bad), wire.Raw([]byte{0xff})}, "error/malformed []"},
	} {
		if got := kinds(test.m.Encode()); got != test.want {
			t.Errorf("%s: %s, want %s", test.name, got, test.want)
		}
	}
}

// The freedom oversize of docs/contract.md begins above the limit, and adds to the others.
func TestWantOversize(t *testing.T) {
	for _, test := range []struct {
		name string
		head wire.Message
		want string
	}{
		{"ours", wire.Message{wire.String(1, contract.OptionsName)}, "options [error/malformed]"},
		{"BootstrapParams", wire.Message{wire.String(4, "2.3")}, "none [error/malformed]"},
		{"of another type", wire.Message{wire.String(1, "a.B")}, "error/foreign [error/malformed]"},
		{"overwritten", wire.Message{wire.String(1, "\xff"), wire.String(1, "a.B")}, "error/malformed [error/foreign]"},
	} {
		const tagAndLength = 2 + 4
		filler := make([]byte, contract.MaxPayload-len(test.head.Encode())-tagAndLength+1)
		over := append(test.head, wire.Bytes(100, filler)).Encode()
		if got := kinds(over); len(over) != contract.MaxPayload+1 || got != test.want {
			t.Errorf("%s, %d bytes: %s, want %s", test.name, len(over), got, test.want)
		}
		at := append(test.head, wire.Bytes(100, filler[1:])).Encode()
		if got, want := kinds(at), kinds(test.head.Encode()); len(at) != contract.MaxPayload || got != want {
			t.Errorf("%s, %d bytes: %s, want %s", test.name, len(at), got, want)
		}
	}
}
