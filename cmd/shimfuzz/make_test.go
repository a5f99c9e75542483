package main

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"shimfuzz/internal/targets"
)

// The list of targets is the targets there are.
func TestTargets(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "fuzz", "fuzz_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	var have []string
	for _, m := range regexp.MustCompile(`(?m)^func (Fuzz\w+)\(`).FindAllStringSubmatch(string(text), -1) {
		have = append(have, m[1])
	}
	if !slices.Equal(have, targets.Names()) {
		t.Errorf("fuzz has %v, the list has %v", have, targets.Names())
	}
}

// The Makefile offers the commands there are.
func TestCommands(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "Makefile"))
	if err != nil {
		t.Fatal(err)
	}
	rules := regexp.MustCompile(`(?m)^([a-z0-9-]+):\n\t\$\(RUN\) ([a-z0-9-]+)$`).FindAllStringSubmatch(string(text), -1)
	if len(rules) != len(commands) {
		t.Errorf("the Makefile has %d targets, there are %d commands", len(rules), len(commands))
	}
	for _, m := range rules {
		if m[1] != m[2] || commands[m[2]] == nil {
			t.Errorf("make %s runs %s, and there is no such command", m[1], m[2])
		}
	}
}

// What a test printed before it took the process with it is not lost.
func TestTestRunOfEndedProcess(t *testing.T) {
	r := newTestRun()
	for _, e := range []event{
		{Action: "run", Package: "p", Test: "TestA"},
		{Action: "fail", Package: "p", Test: "TestA"},
		{Action: "run", Package: "p", Test: "TestB"},
		{Action: "run", Package: "p", Test: "TestB/x"},
		{Action: "output", Package: "p", Test: "TestB/x", Output: "HANG: hcsshim\n"},
		{Action: "fail", Package: "p"},
	} {
		r.add(e)
	}
	if len(r.failed) != 2 || r.failed[1].test != "TestB/x" || !strings.Contains(r.failed[1].text, "HANG") {
		t.Errorf("failed %v, want TestA, and TestB/x with its output", r.failed)
	}
}

// The report of a failing test keeps what a person needs and drops the rest.
func TestTestRun(t *testing.T) {
	r := newTestRun()
	for _, e := range []event{
		{Action: "output", Package: "p", Test: "TestA", Output: "=== RUN TestA\n"},
		{Action: "pass", Package: "p", Test: "TestA"},
		{Action: "output", Package: "p", Test: "TestB/x", Output: "    finding    some-name: text\n"},
		{Action: "fail", Package: "p", Test: "TestB/x"},
		{Action: "fail", Package: "p", Test: "TestB"},
		{Action: "fail", Package: "p"},
		{Action: "build-output", ImportPath: "q", Output: "q.go:1: broken\n"},
		{Action: "build-fail", ImportPath: "q"},
	} {
		r.add(e)
	}
	if r.passed != 1 || len(r.failed) != 1 || r.failed[0].test != "TestB/x" {
		t.Errorf("passed %d, failed %v; want 1 and TestB/x alone", r.passed, r.failed)
	}
	if len(r.broken) != 1 || !strings.Contains(r.broken[0], "q.go:1: broken") {
		t.Errorf("broken %q, want the compiler's message", r.broken)
	}
	if findingRow.FindStringSubmatch(r.failed[0].text)[1] != "some-name" {
		t.Errorf("no finding in %q", r.failed[0].text)
	}
}
