package main

import (
	"errors"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// What the engine prints says what it did, and what failed.
func TestFollow(t *testing.T) {
	const ran = "fuzz: elapsed: 3s, execs: 1200 (400/sec), new interesting: 7 (total: 300)\n"
	for _, tc := range []struct {
		name, out, crasher string
		failed             bool
	}{
		{"nothing", ran, "", false},
		{"an input", ran + "    Failing input written to testdata/fuzz/FuzzLegacy/0123abcd\n",
			filepath.Join("FuzzLegacy", "0123abcd"), true},
		{"a kept input", "failure while testing seed corpus entry: FuzzLegacy/0123abcd\n" + ran,
			filepath.Join("FuzzLegacy", "0123abcd"), true},
		{"a seed", "failure while testing seed corpus entry: FuzzLegacy/seed#12\n" + ran, "", true},
	} {
		var r result
		for line := range strings.Lines(tc.out) {
			r.follow(strings.TrimSpace(line))
		}
		if r.execs != 1200 || r.news != 7 || r.crasher != tc.crasher || r.failed != tc.failed {
			t.Errorf("%s: %+v", tc.name, r)
		}
	}
}

// An exit that the engine does not explain is no success.
func TestJudge(t *testing.T) {
	exit := &exec.ExitError{}
	for _, tc := range []struct {
		name string
		r    result
		err  error
		want string // of the error
	}{
		{"success", result{execs: 1}, nil, ""},
		{"a failure", result{execs: 1, failed: true}, exit, ""},
		{"the engine's deadline", result{execs: 1, log: "context deadline exceeded"}, exit, ""},
		{"no executions", result{}, nil, ""},
		{"no reproducer", result{execs: 1}, exit, "without a reproducer"},
		{"no start", result{}, errors.New("no such file"), "no such file"},
	} {
		err := tc.r.judge(tc.err)
		if (err != nil) != (tc.want != "") || err != nil && !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: %v, want %q", tc.name, err, tc.want)
		}
		if tc.r.unfuzzed != (tc.r.execs == 0 && tc.err == nil) {
			t.Errorf("%s: unfuzzed is %v", tc.name, tc.r.unfuzzed)
		}
	}
}
