package testrun

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

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
	if err := r.classify(dir); err != nil || r.verdicts["TestB/x"].Finding != "some-name" {
		t.Errorf("verdicts %v, %v", r.verdicts, err)
	}
}

// Failures are shown once for each cause: the finding, else the group, else the test.
func TestCauses(t *testing.T) {
	r := New()
	for test, v := range map[string]settings.Failure{
		"TestA": {}, "TestB": {Group: "as-sent: none for options", Replay: "make repro CASE=b\nand more"},
		"TestC/1": {Group: "as-sent: none for options"},
		"TestC/2": {Group: "never-panics: hang"}, "TestD": {Group: "g", Finding: "known"},
		"TestFindings/known": {Group: "h", Finding: "known"},
	} {
		r.verdicts[test] = v
	}
	r.failed = []failure{{"TestA", "a"}, {"TestC/1", "longer"}, {"TestB", "short"}, {"TestC/2", "c"}, {"TestD", "d"},
		{"TestFindings/known", "the longest"}}
	var got []string
	for _, c := range r.causes() {
		got = append(got, fmt.Sprintf("%s %d %s", c.failures[0].test, len(c.failures), c.next()))
	}
	want := []string{"TestB 2 make repro CASE=b", "TestA 1 see above, or make test again",
		"TestC/2 1 see above, or make test again", "TestFindings/known 2 make -C lab report FINDING=known"}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("causes (-want +got):\n%s", d)
	}
}
