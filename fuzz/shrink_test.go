package fuzz

import (
	"bytes"
	"testing"
)

// What is left of an input is what it fails for. A string within a message becomes shorter
// together with its length.
func TestShrink(t *testing.T) {
	for _, test := range []struct {
		name        string
		fails       func([]byte) bool
		input, want []byte
	}{
		{"bytes", func(b []byte) bool { return bytes.Contains(b, []byte{1, 2}) && len(b) > 4 },
			append(bytes.Repeat([]byte{9}, 1000), 1, 2, 7), []byte{0, 0, 1, 2, 0}},
		{"a length", func(b []byte) bool {
			return len(b) > 2 && b[0] == 10 && int(b[1]) == len(b)-2 && bytes.ContainsRune(b, '#')
		}, append([]byte{10, 100}, append(bytes.Repeat([]byte("x"), 99), '#')...), []byte{10, 1, '#'}},
	} {
		left := test.input
		shrink(left, func(b []byte) bool {
			fails := test.fails(b)
			if fails {
				left = b
			}
			return fails
		})
		if !bytes.Equal(left, test.want) {
			t.Errorf("%s: shrunk to %v, want %v", test.name, left, test.want)
		}
	}
}
