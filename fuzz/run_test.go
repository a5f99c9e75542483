package fuzz

import (
	"bytes"
	"slices"
	"testing"
	"time"

	"shimfuzz/internal/targets"
)

// Every target can be run by its name, on as many parts as it takes.
func TestByName(t *testing.T) {
	for _, target := range targets.All {
		if byName[target.Name] == nil {
			t.Fatalf("no %s", target.Name)
		}
		if report := Failure(target.Name, target.Split(nil)); report != "" {
			t.Errorf("%s fails on an empty input: %s", target.Name, report)
		}
	}
}

// What is left of an input is what it fails for.
func TestShrink(t *testing.T) {
	fails := func(p [][]byte) bool { return bytes.Contains(p[0], []byte{1, 2}) && len(p[1]) > 2 }
	parts := [][]byte{append(bytes.Repeat([]byte{9}, 1000), 1, 2, 7), []byte("hello")}
	Shrink(parts, time.Minute, fails, func(p [][]byte) { parts = p })
	if want := [][]byte{{1, 2}, {0, 0, 0}}; !slices.EqualFunc(parts, want, bytes.Equal) {
		t.Errorf("shrunk to %v, want %v", parts, want)
	}
}
