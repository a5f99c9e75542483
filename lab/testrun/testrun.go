// Package testrun runs "go test" and reports its failures so that one can see
// which of them are known findings.
package testrun

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"time"

	"shimfuzz/internal/gocmd"
	"shimfuzz/internal/hcsshim/extract"
	"shimfuzz/internal/settings"
)

// Run gathers the results of several runs of "go test".
type Run struct {
	Broken  []string // what failed other than the tests, each once
	Skipped int
	Env     []string // more of the environment of "go test"

	passed   int
	failed   []failure
	output   map[string][]byte           // of tests that have not passed
	running  map[string]event            // tests that have begun and not ended
	hasChild map[string]bool             // tests with a failed subtest
	said     bool                        // a test has said something since the line began
	verdicts map[string]settings.Failure // of failures, by the test
	walked   int                         // payloads
}

type failure struct{ test, text string }

// New makes a Run without results.
func New() *Run {
	return &Run{output: make(map[string][]byte), running: make(map[string]event), hasChild: make(map[string]bool),
		verdicts: make(map[string]settings.Failure)}
}

// event is one line of "go test -json" (go doc test2json).
type event struct {
	Action, Package, ImportPath, Test, Output, FailedBuild string
}

// Packages tests packages and prints a line of progress. args are for "go test".
// The error is one of running the tests, not of theirs.
func (r *Run) Packages(ctx context.Context, b *extract.Build, s settings.Test, what string, args ...string) error {
	results, err := os.MkdirTemp(b.Dir, "results-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(results)
	s.Results = results
	start := time.Now()
	fmt.Printf("  %-46s ", what)
	passed, failed := r.passed, len(r.failed)+len(r.Broken)
	// vet is make lint's; it cannot enter folders that only an overlay has. A hang is
	// the watchdog's to end (decoder.HangLimit): the limit on all tests together is
	// for what is not a decode, and no busy machine reaches it.
	cmd := b.Go(ctx, s, "test", append([]string{"-json", "-vet=off", "-timeout=60m"}, args...)...)
	cmd.Env = append(cmd.Env, r.Env...)
	stderr, err := r.follow(cmd)
	if ctx.Err() != nil {
		fmt.Println("interrupted")
		_ = r.Finish() // what has failed so far is told
		return ctx.Err()
	}
	failures := len(r.failed) + len(r.Broken) - failed
	if r.said {
		fmt.Printf("\n  %-46s ", "")
	}
	r.said = false
	fmt.Printf("%5d passed  %3d failed  %3.0f s\n", r.passed-passed, failures, time.Since(start).Seconds())
	var exit *exec.ExitError
	if errors.As(err, &exit) && len(r.failed)+len(r.Broken) == 0 {
		return fmt.Errorf("go test: %s", gocmd.OneLine(stderr))
	}
	if err != nil && exit == nil {
		return err
	}
	return r.classify(results)
}

// follow runs "go test -json" and returns what else it prints.
func (r *Run) follow(cmd *exec.Cmd) (rest string, err error) {
	var stderr, other strings.Builder
	cmd.Stderr = &stderr
	err = gocmd.Lines(cmd, func(line string) {
		var e event
		if json.Unmarshal([]byte(line), &e) == nil {
			r.add(e)
		} else {
			fmt.Fprintln(&other, line)
		}
	})
	return other.String() + stderr.String(), err
}

// classify reads what the failing tests say of their failures.
func (r *Run) classify(dir string) error {
	results, err := settings.ReadResults(dir)
	for _, f := range results.Failures {
		r.verdicts[f.Test] = f
	}
	r.walked += results.Walked
	return err
}

func (r *Run) add(e event) {
	key := e.Package + e.ImportPath + "." + e.Test
	switch e.Action {
	case "run":
		r.running[key] = e
	case "pass", "skip", "fail":
		delete(r.running, key)
	}
	switch e.Action {
	case "output", "build-output":
		if text, ok := strings.CutPrefix(e.Output, settings.Say); ok {
			r.said = true
			fmt.Print("\n    " + strings.TrimRight(text, "\n"))
			return
		}
		r.output[key] = append(r.output[key], e.Output...)
	case "pass":
		if e.Test != "" {
			r.passed++
		}
		delete(r.output, key)
	case "skip":
		if e.Test != "" {
			r.Skipped++
		}
	case "fail":
		r.fail(key, e)
	case "build-fail":
		r.broken(header.ReplaceAllString(string(r.output[key]), ""))
		delete(r.output, key)
	}
}

// header is the line with the package above what its compiler or linker says.
var header = regexp.MustCompile(`(?m)^# .*\n`)

// broken notes what failed other than the tests, once, for every package that needs
// what does not build fails of it.
func (r *Run) broken(text string) {
	if text = strings.TrimSpace(text); !slices.Contains(r.Broken, text) {
		r.Broken = append(r.Broken, text)
	}
}

// fail notes a failed test, unless what failed is one of its subtests, and a
// failed package if neither its tests nor its build explain that. A test that was
// still running then is what ended the process: a hang, or a fatal error of Go's.
func (r *Run) fail(key string, e event) {
	if e.Test == "" {
		for _, key := range slices.Backward(slices.Sorted(maps.Keys(r.running))) { // subtests first
			if running := r.running[key]; running.Package == e.Package {
				delete(r.running, key)
				r.fail(key, running)
			}
		}
		if !r.hasChild[e.Package+"."] && e.FailedBuild == "" {
			r.broken(e.Package + "\n" + string(r.output[key]))
		}
		return
	}
	parent := e.Package + "."
	r.hasChild[parent] = true
	for i, c := range e.Test {
		if c == '/' {
			r.hasChild[parent+e.Test[:i]] = true
		}
	}
	if !r.hasChild[key] {
		r.failed = append(r.failed, failure{e.Test, string(r.output[key])})
	}
}
