package reference

import (
	"fmt"
	"testing"

	"shimfuzz/internal/contract"
	"shimfuzz/internal/wire"
)

// The freedom overwritten of docs/contract.md.
func TestWant(t *testing.T) {
	bad := "\xff"
	for _, test := range []struct {
		name string
		m    wire.Message
		want string
	}{
		{"nothing is overwritten", wire.Message{wire.String(1, contract.OptionsName)}, "options []"},
		{"valid text is overwritten", wire.Message{wire.String(1, "x"), wire.String(1, contract.OptionsName)}, "options []"},
		{"an invalid type URL, by ours", wire.Message{wire.String(1, bad), wire.String(1, contract.OptionsName)}, "error/malformed [error/foreign options]"},
		{"an invalid type URL, by another", wire.Message{wire.String(1, bad), wire.String(1, "a.B")}, "error/malformed [error/foreign]"},
		{"an invalid value of ours", wire.Message{wire.String(2, bad), wire.String(1, contract.OptionsName), wire.String(2, "")}, "options []"},
		{"an invalid namespace", wire.Message{wire.String(2, bad), wire.String(1, "web-1"), wire.String(2, "k8s.io")}, "error/foreign [error/malformed none]"},
		{"the last value is invalid", wire.Message{wire.String(2, "k8s.io"), wire.String(1, "web-1"), wire.String(2, bad)}, "error/foreign []"},
		{"BootstrapParams", wire.Message{wire.String(1, bad), wire.String(1, "web-1"), wire.String(4, "2.3")}, "error/malformed []"},
		{"not a message", wire.Message{wire.String(1, bad), wire.Raw([]byte{0xff})}, "error/malformed []"},
	} {
		got := Want(test.m.Encode())
		kinds := []contract.Kind{}
		for _, o := range got.Or {
			kinds = append(kinds, o.Kind)
		}
		if text := fmt.Sprint(got.Kind, " ", kinds); text != test.want {
			t.Errorf("%s: %s, want %s", test.name, text, test.want)
		}
	}
}
