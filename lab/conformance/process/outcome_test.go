package process

import (
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"shimfuzz/internal/contract"
	"shimfuzz/internal/grammar"
	"shimfuzz/lab/conformance/protocol"
)

// Every outcome of the protocol is one of the contract, and nothing else is.
func TestOutcome(t *testing.T) {
	runhcs := grammar.OneOption().ProtoReflect().Type()
	value, err := proto.Marshal(grammar.OneOption())
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ outcome, detail, want string }{
		{"none", "", "none"},
		{"options", "", "options, all at their defaults"},
		{"options", string(value), grammar.Sent(grammar.OneOption()).String()},
		{"options", "\x1a\x01\xff\x92\x01\x03\x0a\x01\xff",
			"options registry_root:\"\ufffd\" default_container_annotations:{key:\"\ufffd\" value:\"\"}"},
		{"error", "no", "error: no"},
		{"error/malformed", "no", "error/malformed: no"},
		{"error/foreign", "no", "error/foreign: no"},
		{"error/read", "no", "error/read: no"},
		{"panic", "index out of range\n\tat x.go", "panic: index out of range"},
		{"hang", "no answer", "hang: no answer"},
	} {
		got, err := Outcome(protocol.Answer{Outcome: test.outcome, Detail: []byte(test.detail)}, runhcs)
		if err != nil || got.String() != test.want {
			t.Errorf("%s %q: %v, %v; want %s", test.outcome, test.detail, got, err, test.want)
		}
	}
	got, err := Outcome(protocol.Answer{Outcome: "options", Detail: []byte("\x0a")}, nil)
	if err != nil || got.Kind != contract.Options || got.Options != nil {
		t.Errorf("options that are not decoded: %v, %v; want none of their fields", got, err)
	}
	for _, test := range []struct{ outcome, detail, want string }{
		{"none", "no", "bytes behind it"},
		{"options", "\x0a", "cannot be decoded"},
		{"error/other", "no", "is not an outcome"},
		{"both", "no", "is not an outcome"},
		{"", "", "is not an outcome"},
	} {
		got, err := Outcome(protocol.Answer{Outcome: test.outcome, Detail: []byte(test.detail)}, runhcs)
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s %q: %v, %v; want an error with %q", test.outcome, test.detail, got, err, test.want)
		}
	}
}
