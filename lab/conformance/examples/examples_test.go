package examples

import (
	"errors"
	"strings"
	"testing"

	"shimfuzz/lab/conformance/process"
	"shimfuzz/lab/conformance/protocol"
)

const root = "../../.."

// Every reader gives the right answer to a payload of each outcome.
func TestReaders(t *testing.T) {
	const options = "\x0a\x1ccontainerd.runhcs.v1.Options"
	for _, e := range All() {
		t.Run(e.Name, func(t *testing.T) {
			command, err := e.Build(t.Context(), root)
			if errors.Is(err, ErrNotHere) {
				t.Skip("NOT RUN:", err)
			}
			if err != nil {
				t.Fatal(err)
			}
			r := &process.Reader{Command: strings.Fields(command), Dir: root, Limit: process.Limit}
			t.Cleanup(r.Close)
			for _, test := range []struct{ payload, outcome, detail string }{
				{"", "none", ""},                    // R1
				{"\x0a\x01", "error/malformed", ""}, // R2
				{"\x22\x03\x32.4\x42\x24\x0a\x22" + options + "\x12\x02\x08\x01", "options", "\x08\x01"}, // R3
				{"\x22\x03\x32.4\x42\x24\x0a\x22" + options + "\x12\x02\x08\x80", "error/malformed", ""}, // R3
				{"\x22\x03\x32.4", "none", ""},                                    // R3
				{options, "options", ""},                                          // R4a
				{options + "\x12\x05\x08\x01\xa0\x06\x01", "options", "\x08\x01"}, // R4a, with an unknown field
				{options + "\x12\x01x", "error/malformed", ""},                    // R4a
				{"\x0a\x05web-1\x12\x06k8s.io", "none", ""},                       // R4b
				{"\x0a\x01x", "error/foreign", ""},                                // R4c
			} {
				a, err := r.Ask([]byte(test.payload))
				if err != nil {
					t.Fatal(err)
				}
				isError := test.outcome != protocol.Options && test.outcome != protocol.None
				if a.Outcome != test.outcome || !isError && string(a.Detail) != test.detail || isError &&
					len(a.Detail) == 0 {
					t.Errorf("%q: %s %q, want %s %q", test.payload, a.Outcome, a.Detail, test.outcome, test.detail)
				}
			}
		})
	}
}
