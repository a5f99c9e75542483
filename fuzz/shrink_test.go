package fuzz

import (
	"bytes"
	"slices"
	"testing"
	"time"
)

// What is left of an input is what it fails for.
func TestShrink(t *testing.T) {
	fails := func(p [][]byte) bool { return bytes.Contains(p[0], []byte{1, 2}) && len(p[1]) > 2 }
	parts := [][]byte{append(bytes.Repeat([]byte{9}, 1000), 1, 2, 7), []byte("hello")}
	shrink(parts, time.Minute, fails, func(p [][]byte) { parts = p })
	if want := [][]byte{{1, 2}, {0, 0, 0}}; !slices.EqualFunc(parts, want, bytes.Equal) {
		t.Errorf("shrunk to %v, want %v", parts, want)
	}
}

// A string within a message becomes shorter together with its length.
func TestShrinkLength(t *testing.T) {
	fails := func(p [][]byte) bool {
		b := p[0]
		return len(b) > 2 && b[0] == 10 && int(b[1]) == len(b)-2 && bytes.ContainsRune(b, '#')
	}
	parts := [][]byte{append([]byte{10, 100}, append(bytes.Repeat([]byte("x"), 99), '#')...)}
	shrink(parts, time.Minute, fails, func(p [][]byte) { parts = p })
	if want := []byte{10, 1, '#'}; !bytes.Equal(parts[0], want) {
		t.Errorf("shrunk to %v, want %v", parts[0], want)
	}
}
