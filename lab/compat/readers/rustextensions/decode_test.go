package main

import (
	"strings"
	"testing"

	bootstrap "github.com/containerd/containerd/api/runtime/bootstrap/v1"

	"shimfuzz/internal/grammar"
	"shimfuzz/internal/wire"
)

// What becomes of each kind of payload. The answers are those of a program in Rust that
// makes the same calls of the crate protobuf 3.7.2.
func TestAnswer(t *testing.T) {
	const runc = "containerd.runc.v1.Options"
	cgroup := wire.Message{wire.String(3, "c")}
	start := func(namespace string) []byte {
		p := &bootstrap.BootstrapParams{InstanceID: "web-1", Namespace: namespace, ContainerdVersion: "v2.4.2"}
		return grammar.Start("lcow-v2", p, runc, cgroup.Encode())
	}
	inAny := func(value ...wire.Part) []byte { return grammar.PlainAny(runc, wire.Message(value).Encode()) }
	for _, test := range []struct {
		name    string
		payload []byte
		want    string // the outcome and the detail
	}{
		{"nothing", nil, "none "},
		{"a cgroup", inAny(cgroup...), "options \x1a\x01c"},
		{"two cgroups", inAny(wire.String(3, "a"), wire.String(3, "b")), "options \x1a\x01b"},
		{"no cgroup", inAny(wire.String(6, "crun")), "none "},
		{"a cgroup of another type", grammar.PlainAny("a.B", cgroup.Encode()), "options \x1a\x01c"},
		{"no type", wire.Message{wire.Sub(2, cgroup...)}.Encode(), "options \x1a\x01c"},
		{"another wire type", inAny(wire.Varint(3, 1), wire.Bytes(4, []byte{0xff})), "none "},
		{"BootstrapParams", start("k8s.io"), "error IncorrectTag(46)"},
		{"BootstrapParams in moby", start("moby"), "error UnexpectedEof"},
		{"BootstrapParams in default", start("default"), "error UnexpectedWireType(EndGroup)"},
		{"BootstrapParams in inference", start("inference"), "none "},
		{"a text that is no UTF-8", inAny(wire.String(12, "\xff")), "error Utf8Error"},
		{"a uint32 of 33 bits", inAny(wire.Varint(4, 1<<32)), "error IncorrectVarint"},
		{"an unknown varint of 33 bits", inAny(wire.Varint(99, 1<<32)), "none "},
		{"a tag in six bytes", []byte{0xa0, 0x81, 0x80, 0x80, 0x80, 0, 1}, "error IncorrectVarint"},
		{"field 0", []byte{0, 0}, "error IncorrectTag(0)"},
		{"a group", []byte{0x7b, 0x08, 1, 0x7c}, "none "},
		{"another group's end", []byte{0x7b, 0x74}, "none "},
		{"no group's end", []byte{0x7b}, "error UnexpectedEof"},
		{"an inner group without an end", []byte{0x7b, 0x73}, "error UnexpectedEof"},
		{"a stray group's end", []byte{0x7c}, "error UnexpectedWireType(EndGroup)"},
		{"101 groups", deep(101), "none "},
		{"102 groups", deep(102), "error OverRecursionLimit"},
	} {
		a := answer(test.payload)
		if got := a.Outcome + " " + string(a.Detail); got != test.want {
			t.Errorf("%s: %q, want %q", test.name, got, test.want)
		}
	}
}

func deep(n int) []byte { return []byte(strings.Repeat("\x7b", n) + strings.Repeat("\x7c", n)) }
