package testrun

import (
	"strings"
	"testing"

	"shimfuzz/internal/settings"
)

// What a test printed before it ended the process is not lost.
func TestEndedProcess(t *testing.T) {
	r := New()
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

// A failing test is counted once, and a package that does not build shows why.
func TestAdd(t *testing.T) {
	r := New()
	for _, e := range []event{
		{Action: "output", Package: "p", Test: "TestA", Output: "=== RUN TestA\n"},
		{Action: "pass", Package: "p", Test: "TestA"},
		{Action: "output", Package: "p", Test: "TestB/x", Output: "    wrong\n"},
		{Action: "fail", Package: "p", Test: "TestB/x"},
		{Action: "fail", Package: "p", Test: "TestB"},
		{Action: "fail", Package: "p"},
		{Action: "build-output", ImportPath: "q", Output: "# q\n"},
		{Action: "build-output", ImportPath: "q", Output: "q.go:1: broken\n"},
		{Action: "build-fail", ImportPath: "q"},
		{Action: "fail", Package: "q", FailedBuild: "q"},
		{Action: "fail", Package: "r", FailedBuild: "q"},
	} {
		r.add(e)
	}
	if r.passed != 1 || len(r.failed) != 1 || r.failed[0].test != "TestB/x" {
		t.Errorf("passed %d, failed %v; want 1 and TestB/x alone", r.passed, r.failed)
	}
	if len(r.Broken) != 1 || r.Broken[0] != "q.go:1: broken" {
		t.Errorf("broken %q, want the compiler's message", r.Broken)
	}
}

// The results of the test processes say which finding explains a failure.
func TestClassify(t *testing.T) {
	dir := t.TempDir()
	results := settings.Results{Failures: []settings.Failure{{Test: "TestB/x", Finding: "some-name"}}}
	if err := results.Write(dir); err != nil {
		t.Fatal(err)
	}
	r := New()
	if err := r.classify(dir); err != nil || r.findings["TestB/x"] != "some-name" {
		t.Errorf("findings %v, %v", r.findings, err)
	}
}
