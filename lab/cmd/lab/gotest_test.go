package main

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"shimfuzz/internal/settings"
)

// A failing test is shown and counted once, what a test printed before it ended the process
// is not lost, the reason of skipped ones is told once, and a package that does not build shows why.
func TestResults(t *testing.T) {
	var out bytes.Buffer
	r := newResults(&out)
	r.line("go: downloading")
	for _, e := range []struct{ Action, Package, ImportPath, Test, Output string }{
		{Action: "output", Package: "p", Test: "TestA", Output: "hidden\n"},
		{Action: "output", Package: "p", Test: "TestA", Output: settings.Say + "shown\n"},
		{Action: "pass", Package: "p", Test: "TestA"},
		{Action: "output", Package: "p", Test: "TestB", Output: "=== RUN   TestB\n"},
		{Action: "output", Package: "p", Test: "TestB/x", Output: "    wrong\n"},
		{Action: "fail", Package: "p", Test: "TestB/x"},
		{Action: "fail", Package: "p", Test: "TestB"},
		{Action: "output", Package: "p", Test: "TestC/y", Output: "HANG: hcsshim\n"},
		{Action: "output", Package: "p", Test: "TestD", Output: "    d.go:7: NOT RUN: no Wine\n"},
		{Action: "output", Package: "p", Test: "TestD", Output: "--- SKIP: TestD (0.00s)\n"},
		{Action: "skip", Package: "p", Test: "TestD"},
		{Action: "output", Package: "p", Test: "TestE", Output: "    e.go:9: NOT RUN: no Wine\n"},
		{Action: "skip", Package: "p", Test: "TestE"},
		{Action: "output", Package: "p", Output: "what failed, by cause\n"},
		{Action: "output", Package: "p", Output: "FAIL\tp\t0.1s\n"},
		{Action: "fail", Package: "p"},
		{Action: "build-output", ImportPath: "q", Output: "# q\n"},
		{Action: "build-output", ImportPath: "q", Output: "q.go:1: broken\n"},
		{Action: "build-fail", ImportPath: "q"},
		{Action: "output", Package: "q", Output: "FAIL\tq [build failed]\n"},
		{Action: "fail", Package: "q"},
		{Action: "output", Package: "o", Output: "ok\n"},
		{Action: "pass", Package: "o"},
	} {
		text, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		r.line(string(text))
	}
	want := strings.Join([]string{"go: downloading", "    shown", "    NOT RUN: no Wine", "",
		"FAIL  p TestB/x", "    wrong", "", "FAIL  p TestC/y", "HANG: hcsshim", "",
		"FAIL  p", "what failed, by cause", "", "FAIL  q", "q.go:1: broken", ""}, "\n")
	if got := out.String(); got != want || r.count["pass"] != 1 || r.count["fail"] != 3 || r.count["skip"] != 2 {
		t.Errorf("%v, printed\n%s\nwant\n%s", r.count, got, want)
	}
}
