package docs

import (
	"strings"
	"testing"
)

func TestRule(t *testing.T) {
	for id, want := range map[string]string{
		"R1":  "If the reader fails, the outcome is error/read, whatever was read before.",
		"R4b": "If a legacy payload does not name Options, its field 1 and its field 2 (the last",
		"M3":  "Field number 0.",
		"C1":  "No Any, or no bytes on standard input, is none.",
		"R9":  "",

		"over-64-bits": "A varint value whose tenth byte is above 1.",
	} {
		if got := Rule(id); !strings.HasPrefix(got, want) || (got == "") != (want == "") {
			t.Errorf("%s: %s\nwant %s", id, got, want)
		}
	}
	if strings.Contains(Rule("R4a"), "R4b") {
		t.Error(Rule("R4a"))
	}
}
