package compat

import (
	"bytes"
	"os"
	"slices"
	"testing"

	"shimfuzz/lab/compat/recorded"
	"shimfuzz/lab/compat/senders"
)

// What releases did the same is one line, and the file is made from their passages again.
func TestFormatPassages(t *testing.T) {
	var all []recorded.Passage
	for _, release := range senders.Releases {
		for _, p := range recorded.Passages() {
			if slices.Contains(p.Containerd, release) {
				p.Containerd = []string{release}
				all = append(all, p)
			}
		}
	}
	want, err := os.ReadFile("recorded/passages.json")
	if err != nil || !bytes.Equal(formatPassages(all), want) {
		t.Errorf("%v, or passages.json has another order", err)
	}
}
