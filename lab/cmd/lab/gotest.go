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
// fails, and why what is skipped is, and returns the number of skipped tests.
func (j *job) goTest(ctx context.Context, what string, env []string, args ...string) (skipped int, err error) {
	fmt.Println("  " + what)
	// vet is make lint's. A hang is the watchdog's to end (decoder.HangLimit): the limit on
	// all tests together is for what is not a decode, and no busy machine reaches it.
	cmd := j.b.Go(ctx, j.test, "test", append([]string{"-json", "-vet=off", "-timeout=60m"}, args...)...)
	cmd.Env = append(cmd.Env, env...)
	r := newResults(os.Stdout)
	err = gocmd.Lines(cmd, r.line)
	fmt.Printf("  %d passed, %d failed, %d skipped\n", r.count["pass"], r.count["fail"], r.count["skip"])
	if errors.As(err, new(*exec.ExitError)) {
		err = gocmd.ErrReported
	}
	return r.count["skip"], err
}

// results are those of a run of "go test -json" (go doc test2json).
type results struct {
	out     io.Writer
	count   map[string]int    // of tests: pass, fail, skip
	printed map[string]string // by what has not passed: a package, and a test of it
	told    map[string]bool   // what the user has been told once
}

func newResults(out io.Writer) *results {
	return &results{out, make(map[string]int), make(map[string]string), make(map[string]bool)}
}

// line reads a line. What is not for this program is the go command's, for the user, and so
// is what a test prints with settings.Say.
func (r *results) line(line string) {
	var e struct{ Action, Package, ImportPath, Test, Output string }
	if json.Unmarshal([]byte(line), &e) != nil {
		fmt.Fprintln(r.out, line)
		return
	}
	pkg := cmp.Or(e.Package, e.ImportPath)
	from := pkg + " " + e.Test
	said, isSaid := strings.CutPrefix(e.Output, settings.Say)
	switch {
	case isSaid:
		r.tell(said)
	case e.Output != "":
		r.printed[from] += e.Output
	case e.Test != "" && (e.Action == "pass" || e.Action == "skip"):
		r.count[e.Action]++
		_, reason, found := strings.Cut(r.printed[from], "NOT RUN: ")
		reason, _, _ = strings.Cut(reason, "\n")
		if text := "NOT RUN: " + reason + "\n"; found && e.Action == "skip" && !r.told[text] {
			r.tell(text)
		}
		delete(r.printed, from)
	case e.Action == "build-fail" || e.Action == "fail" && e.Test == "":
		r.report(pkg)
	}
}

func (r *results) tell(text string) {
	r.told[text] = true
	fmt.Fprint(r.out, "    "+text)
}

// noise are the lines of the go command around what a test prints, and the repetition that
// rapid prints after shrinking.
var noise = regexp.MustCompile(`(?m)^(=== .*|\s*--- .*|FAIL.*|exit status \d+|# .*)\n|^.*Failed test output:(?s:.*)`)

// report prints what the tests of a package have printed that have not passed, and then the
// package itself. That is the failed ones, and what ran when the process ended; neither has
// a test whose subtest failed.
func (r *results) report(pkg string) {
	own, before := pkg+" ", r.count["fail"]
	tests := slices.DeleteFunc(slices.Sorted(maps.Keys(r.printed)), func(from string) bool {
		return from == own || !strings.HasPrefix(from, own)
	})
	for _, from := range append(tests, own) {
		text := noise.ReplaceAllString(r.printed[from], "")
		delete(r.printed, from)
		if strings.TrimSpace(text) == "" {
			continue
		}
		if from != own || r.count["fail"] == before {
			r.count["fail"]++
		}
		fmt.Fprintf(r.out, "\nFAIL  %s\n%s", strings.TrimSpace(from), text)
	}
}
