package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"

	"shimfuzz/internal/gocmd"
	"shimfuzz/internal/settings"
)

// goTest runs "go test" on the hcsshim under test, in an environment with env, prints what
// fails, and returns the number of skipped tests.
func (j *job) goTest(ctx context.Context, what string, env []string, args ...string) (skipped int, err error) {
	fmt.Println("  " + what)
	// vet is make lint's. A hang is the watchdog's to end (decoder.HangLimit): the limit on
	// all tests together is for what is not a decode, and no busy machine reaches it.
	cmd := j.b.Go(ctx, j.test, "test", append([]string{"-json", "-vet=off", "-timeout=60m"}, args...)...)
	cmd.Env = append(cmd.Env, env...)
	r := results{out: os.Stdout, printed: make(map[source]string), told: make(map[string]bool)}
	err = gocmd.Lines(cmd, r.line)
	fmt.Printf("  %d passed, %d failed, %d skipped\n", r.passed, r.failed, r.skipped)
	if errors.As(err, new(*exec.ExitError)) {
		err = gocmd.ErrReported
	}
	return r.skipped, err
}

// results are those of a run of "go test -json" (go doc test2json).
type results struct {
	passed, failed, skipped int

	out     io.Writer
	printed map[source]string // by what has not passed
	told    map[string]bool   // what the user has been told once
}

// source is where output comes from: a test, or a package if test is "".
type source struct{ pkg, test string }

// line reads a line. What is not for this program is the go command's, for the user, and so
// is what a test prints with settings.Say.
func (r *results) line(line string) {
	var e struct{ Action, Package, ImportPath, Test, Output string }
	if json.Unmarshal([]byte(line), &e) != nil {
		fmt.Fprintln(r.out, line)
		return
	}
	from := source{cmp.Or(e.Package, e.ImportPath), e.Test}
	switch {
	case strings.HasPrefix(e.Output, settings.Say):
		text := strings.TrimPrefix(e.Output, settings.Say)
		fmt.Fprint(r.out, "    "+text)
		r.told[text] = true
	case e.Action == "output" || e.Action == "build-output":
		r.printed[from] += e.Output
	case e.Action == "pass" && e.Test != "":
		r.passed++
		delete(r.printed, from)
	case e.Action == "skip" && e.Test != "":
		r.skipped++
		r.tellReason(r.printed[from])
		delete(r.printed, from)
	case e.Action == "build-fail" || e.Action == "fail" && e.Test == "":
		r.report(from.pkg)
	}
}

// tellReason prints why a test did not run, once for all tests with the reason.
func (r *results) tellReason(printed string) {
	_, reason, found := strings.Cut(printed, "NOT RUN: ")
	reason, _, _ = strings.Cut(reason, "\n")
	if text := "NOT RUN: " + reason + "\n"; found && !r.told[text] {
		r.told[text] = true
		fmt.Fprint(r.out, "    "+text)
	}
}

// noise are the lines of the go command around what a test prints, and the repetition that
// rapid prints after shrinking.
var noise = regexp.MustCompile(`(?m)^(=== .*|\s*--- .*|FAIL.*|exit status \d+|# .*)\n|^.*Failed test output:(?s:.*)`)

// maxReports is how many failures are shown in full.
const maxReports = 20

// report prints what the tests of a package have printed that have not passed. That is the
// failed ones, and what ran when the process ended; neither has a test whose subtest failed.
func (r *results) report(pkg string) {
	tests := slices.SortedFunc(maps.Keys(r.printed), func(a, b source) int { return strings.Compare(a.test, b.test) })
	tests = slices.DeleteFunc(tests, func(s source) bool { return s.pkg != pkg })
	if len(tests) > 0 && tests[0].test == "" {
		tests = append(tests[1:], tests[0]) // the package's own summary comes last
	}
	before := r.failed
	for _, from := range tests {
		text := noise.ReplaceAllString(r.printed[from], "")
		delete(r.printed, from)
		if strings.TrimSpace(text) == "" {
			continue
		}
		if from.test != "" || r.failed == before {
			r.failed++
		}
		if r.failed > maxReports && from.test != "" {
			text = ""
		}
		fmt.Fprintf(r.out, "\nFAIL  %s\n%s", strings.TrimSpace(pkg+" "+from.test), text)
	}
}
