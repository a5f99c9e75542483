package main

import (
	"errors"
	"os/exec"
	"strings"
	"testing"
)

// What the engine prints says what it did and what failed, and an exit that it does not
// explain is no success.
func TestJudge(t *testing.T) {
	const ran = "fuzz: elapsed: 3s, execs: 1200 (400/sec), new interesting: 7 (total: 300)\n"
	exit := &exec.ExitError{}
	for _, tc := range []struct {
		name, out     string
		err           error
		failure, fail string // what to do about a failure of the target, and about one of the engine
	}{
		{"nothing", ran, nil, "", ""},
		{"a seed", "failure while testing seed corpus entry: FuzzLegacy/seed#12\n" + ran, exit,
			"a case of the corpus", ""},
		{"an input", ran + "    Failing input written to testdata/fuzz/FuzzLegacy/0123abcd\n", exit,
			"FuzzLegacy/0123abcd", ""},
		{"a kept input", "failure while testing seed corpus entry: FuzzLegacy/0123abcd\n" + ran, exit,
			"FuzzLegacy/0123abcd", ""},
		{"the engine's deadline", ran + "context deadline exceeded\n", exit, "", ""},
		{"no executions", "fuzz: elapsed: 0s, execs: 0 (0/sec), new interesting: 0 (total: 0)\n", nil,
			"not fuzzed", ""},
		{"no progress", "PASS\n", nil, "not fuzzed", ""},
		{"no reproducer", ran, exit, "", "without a reproducer"},
		{"no start", "", errors.New("no such file"), "", "no such file"},
	} {
		var r result
		for line := range strings.Lines(tc.out) {
			r.follow(strings.TrimSpace(line))
		}
		err := r.judge(tc.err)
		if strings.Contains(tc.out, ran) && (r.execs != "1200" || r.news != "7") {
			t.Errorf("%s: %+v", tc.name, r)
		}
		if (r.failure != "") != (tc.failure != "") || !strings.Contains(r.failure, tc.failure) {
			t.Errorf("%s: %q, want %q", tc.name, r.failure, tc.failure)
		}
		if (err != nil) != (tc.fail != "") || err != nil && !strings.Contains(err.Error(), tc.fail) {
			t.Errorf("%s: %v, want %q", tc.name, err, tc.fail)
		}
	}
}
