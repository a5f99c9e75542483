package findings

import (
	"strings"
	"testing"

	"shimfuzz/internal/contract"
	"shimfuzz/internal/grammar"
	"shimfuzz/internal/wire"
)

// What becomes of each kind of payload, and the finding that predicts it if it is wrong.
// The cgroups and errors are those of a program in Rust that makes the same calls of the
// crate protobuf 3.7.2.
func TestRustExtensions(t *testing.T) {
	cgroup := wire.String(3, "c")
	inAny := func(value ...wire.Part) []byte {
		return grammar.PlainAny(RuncOptions, wire.Message(value).Encode())
	}
	foreign := func(value ...wire.Part) []byte { return grammar.PlainAny("a.B", wire.Message(value).Encode()) }
	behind := func(more string) []byte { return append(inAny(cgroup), more...) }
	const otherEnd = "\x7b\x74" // of field 15's group and of field 14's
	for _, test := range []struct {
		name    string
		payload []byte
		cgroup  string // or the error
		finding string
	}{
		{"nothing", nil, "", ""},
		{"a cgroup", inAny(cgroup), "c", ""},
		{"two cgroups", inAny(wire.String(3, "a"), wire.String(3, "b")), "b", ""},
		{"no cgroup", inAny(wire.String(6, "crun")), "", ""},
		{"a cgroup of another type", foreign(cgroup), "c", "type-url-ignored"},
		{"none of another type", foreign(wire.Varint(1, 1)), "", "type-url-ignored"},
		{"another type, damaged", foreign(wire.Raw([]byte{8})), "UnexpectedEof", ""},
		{"no type", wire.Message{wire.Sub(2, cgroup)}.Encode(), "c", "type-url-ignored"},
		{"another wire type", inAny(wire.Varint(3, 1), wire.Bytes(4, []byte{0xff})), "", ""},
		{"BootstrapParams", inNamespace("k8s.io")(), "IncorrectTag(46)", "bootstrap-rejected"},
		{"BootstrapParams in moby", inNamespace("moby")(), "UnexpectedEof", "bootstrap-rejected"},
		{"BootstrapParams in default", inNamespace("default")(), "UnexpectedWireType(EndGroup)", "bootstrap-rejected"},
		{"BootstrapParams in inference", inNamespace("inference")(), "", "identity-misread"},
		{"a text that is no UTF-8", inAny(wire.String(12, "\xff")), "Utf8Error", ""},
		{"a uint32 of 33 bits", inAny(wire.Varint(4, 1<<32)), "IncorrectVarint", ""},
		{"an unknown varint of 33 bits", inAny(wire.Varint(99, 1<<32)), "", ""},
		{"a tag in six bytes", []byte{0xa0, 0x81, 0x80, 0x80, 0x80, 0, 1}, "IncorrectVarint", ""},
		{"field 0", []byte{0, 0}, "IncorrectTag(0)", ""},
		{"a group", behind("\x7b\x08\x01\x7c"), "c", ""},
		{"another group's end", behind(otherEnd), "c", "group-ends-unmatched"},
		{"the same and a fault", behind(otherEnd + "\x08"), "UnexpectedEof", ""},
		{"no group's end", behind("\x7b"), "UnexpectedEof", ""},
		{"an inner group without an end", behind("\x7b\x73"), "UnexpectedEof", ""},
		{"a stray group's end", behind("\x7c"), "UnexpectedWireType(EndGroup)", ""},
		{"101 groups", deep(101), "", "type-url-ignored"},
		{"102 groups", deep(102), "OverRecursionLimit", ""},
	} {
		got, err := RustCgroup(test.payload)
		if err != nil {
			got = err.Error()
		}
		want := Want(runcType, RustExtensions, "v0.11.0", test.payload)
		f, predicted := All.Of(RustExtensions, "v0.11.0").Predict(test.payload, want)
		name := ""
		if f != nil {
			name = f.Name
		}
		if got != test.cgroup || name != test.finding {
			t.Errorf("%s: %q, finding %q; want %q, %q", test.name, got, name, test.cgroup, test.finding)
		}
		if answer := rust(List{}, test.payload); f != nil && contract.Diff(answer, predicted) != "" {
			t.Errorf("%s: %s predicts %v, the answer is %v", test.name, name, predicted, answer)
		}
	}
}

func deep(n int) []byte { return []byte(strings.Repeat("\x7b", n) + strings.Repeat("\x7c", n)) }
