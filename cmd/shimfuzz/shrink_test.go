package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"shimfuzz/fuzz"
	"shimfuzz/internal/settings"
)

// Nothing is excused, in all tests: the settings of a process are read once.
func TestMain(m *testing.M) {
	variable, value, _ := strings.Cut(settings.Test{Findings: "none"}.Environ(), "=")
	if err := os.Setenv(variable, value); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

// An input is made smaller for what it failed for at first: two bytes of no type would fail, too.
func TestShrinkKeepsGroup(t *testing.T) {
	payload := []byte("\x0a\x07a.B/c.D\x12\x02/!") // of another type, which makes v0.15.0 start with defaults
	name := filepath.Join(t.TempDir(), "input")
	if err := os.WriteFile(name, payload, 0o666); err != nil {
		t.Fatal(err)
	}
	c, err := fuzz.ReadCase(name, fuzz.Raw)
	if err != nil {
		t.Fatal(err)
	}
	first := c.Target.Failure(c.Parts)
	if first == nil {
		t.Skip("the finding is mended in the hcsshim under test")
	}
	if err := c.Shrink(shrinkLimit); err != nil {
		t.Fatal(err)
	}
	if last := c.Target.Failure(c.Parts); last == nil || last.Group != first.Group || len(c.Parts[0]) == 0 {
		t.Errorf("shrunk to %x, which is %v, want %v", c.Parts, last, first.Group)
	}
}
