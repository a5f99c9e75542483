package fuzz

import (
	"bytes"
	"slices"
	"testing"
)

// What is left of an input is what it fails for. A string within a message becomes shorter
// together with its length.
func TestShrink(t *testing.T) {
	for _, test := range []struct {
		name        string
		fails       func([][]byte) bool
		parts, want [][]byte
	}{
		{"bytes", func(p [][]byte) bool { return bytes.Contains(p[0], []byte{1, 2}) && len(p[1]) > 2 },
			[][]byte{append(bytes.Repeat([]byte{9}, 1000), 1, 2, 7), []byte("hello")}, [][]byte{{1, 2}, {0, 0, 0}}},
		{"a length", func(p [][]byte) bool {
			b := p[0]
			return len(b) > 2 && b[0] == 10 && int(b[1]) == len(b)-2 && bytes.ContainsRune(b, '#')
		}, [][]byte{append([]byte{10, 100}, append(bytes.Repeat([]byte("x"), 99), '#')...)}, [][]byte{{10, 1, '#'}}},
	} {
		parts := test.parts
		shrink(parts, func(p [][]byte) bool {
			fails := test.fails(p)
			if fails {
				parts = p
			}
			return fails
		})
		if !slices.EqualFunc(parts, test.want, bytes.Equal) {
			t.Errorf("%s: shrunk to %v, want %v", test.name, parts, test.want)
		}
	}
}
