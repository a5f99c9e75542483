package compat

import (
	"testing"

	"shimfuzz/lab/compat/recorded"
)

// Passages that differ in the release only share a line.
func TestFormatPassages(t *testing.T) {
	a := recorded.Passage{Containerd: []string{"v1"}, Options: "zero", Start: recorded.Hex{}}
	b, c := a, a
	b.Containerd, c.Containerd, c.Start = []string{"v2"}, []string{"v3"}, nil
	text := formatPassages([]recorded.Passage{a, b, c})
	want := `[
{"containerd":["v1","v2"],"through":"","shim":"","options":"zero","start":""},
{"containerd":["v3"],"through":"","shim":"","options":"zero"}
]
`
	if string(text) != want {
		t.Errorf("got %s, want %s", text, want)
	}
}
