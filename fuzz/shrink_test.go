package fuzz

import (
	"bytes"
	"errors"
	"strconv"
	"testing"
	"time"

	"shimfuzz/internal/verdict"
	"shimfuzz/internal/verify"
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

// A case is made smaller for what it failed for at first, and its file with it: less would fail, too.
func TestShrinkKeepsGroup(t *testing.T) {
	target := Target{Name: Raw, Parts: []string{"payload"}, Run: func(t verify.TB, parts ...[]byte) {
		group := strconv.Itoa(min(3, len(parts[0])))
		t.(*recorder).Wrong(verdict.Report{Group: group}, nil)
	}}
	c := &Case{Target: target, Parts: [][]byte{[]byte("payload")}}
	if err := errors.Join(c.Keep(t.TempDir()), c.Shrink(time.Hour)); err != nil {
		t.Fatal(err)
	}
	kept, err := ReadCase(c.File, "")
	if err != nil || !bytes.Equal(kept.Parts[0], make([]byte, 3)) {
		t.Errorf("shrunk to %x, and in its file %v, %v; want 3 bytes, each 0", c.Parts, kept, err)
	}
}
