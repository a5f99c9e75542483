package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// What make conformance leaves out is there: a test that was renamed would be run
// on a reader that it says nothing of.
func TestLeftOutTestsExist(t *testing.T) {
	files, err := filepath.Glob("../../properties/*_test.go")
	if err != nil {
		t.Fatal(err)
	}
	var source strings.Builder
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		source.Write(text)
	}
	names := notReaders
	for _, o := range ownProcess {
		names += "|" + o.tests
	}
	for name := range strings.SplitSeq(names, "|") {
		if !strings.Contains(source.String(), "func "+name+"(t *testing.T)") {
			t.Errorf("there is no property %s", name)
		}
	}
}
