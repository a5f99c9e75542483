// Package testrun runs "go test" and reports its failures so that one can see
// which of them are known findings.
package testrun

import (
	"cmp"
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
	output   map[string][]byte // of tests that have not passed
	running  map[string]event  // tests that have begun and not ended
	hasChild map[string]bool   // tests with a failed subtest
	said     bool              // a test has said something since the line began
	findings map[string]string // that explain failures, by the test
	walked   int               // payloads
	drawn    []settings.Count
}

type failure struct{ test, text string }

// Failed reports whether anything has failed so far.
func (r *Run) Failed() bool { return len(r.failed)+len(r.Broken) > 0 }

// New makes a Run without results.
func New() *Run {
	return &Run{output: make(map[string][]byte), running: make(map[string]event), hasChild: make(map[string]bool), findings: make(map[string]string)}
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

// classify reads which finding explains which failure.
func (r *Run) classify(dir string) error {
	results, err := settings.ReadResults(dir)
	for _, f := range results.Failures {
		r.findings[f.Test] = f.Finding
	}
	r.walked += results.Walked
	r.drawn = append(r.drawn, results.Drawn...)
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

// Finish prints the failures, one in full for each finding and the first few of
// the others, and ends with one line of counts.
func (r *Run) Finish() error {
	for _, text := range r.Broken {
		fmt.Printf("\nFAIL  %s\n", text)
	}
	byFinding := make(map[string][]failure)
	for _, f := range r.failed {
		name := r.findings[f.test]
		byFinding[name] = append(byFinding[name], f)
	}
	printUnexplained(byFinding[""])
	delete(byFinding, "")
	printFindings(byFinding)
	printCounts(os.Stdout, r.drawn)
	failed := len(r.failed) + len(r.Broken)
	fmt.Printf("\n%d passed, %d failed, %d skipped", r.passed, failed, r.Skipped)
	if r.walked > 0 {
		fmt.Printf("; %d payloads walked", r.walked)
	}
	fmt.Println()
	if failed > 0 {
		return gocmd.ErrReported
	}
	return nil
}

const maxFailures = 4

func printUnexplained(failures []failure) {
	for i, f := range failures {
		if i == maxFailures {
			fmt.Printf("\n… and %d more failures:\n", len(failures)-i)
		}
		if i < maxFailures {
			fmt.Printf("\nFAIL  %s\n%s", f.test, Head(f.text))
		} else if i < 20 {
			fmt.Printf("  %s\n", f.test)
		}
	}
}

// printFindings shows one report of each finding and says how often it was met.
func printFindings(byFinding map[string][]failure) {
	names := slices.Sorted(maps.Keys(byFinding))
	for _, name := range names {
		slices.SortFunc(byFinding[name], func(a, b failure) int {
			return cmp.Or(inFindings(b)-inFindings(a), len(a.text)-len(b.text))
		})
		fmt.Printf("\nFAIL  %s\n%s", byFinding[name][0].test, Head(byFinding[name][0].text))
	}
	if len(names) > 0 {
		fmt.Println("\nknown findings among the failures:")
	}
	for _, name := range names {
		fmt.Printf("  %-36s %4d tests, shown above: %s\n", name, len(byFinding[name]), byFinding[name][0].test)
	}
}

// inFindings is 1 for a test of the findings themselves, whose report is the
// one to show.
func inFindings(f failure) int {
	if strings.HasPrefix(f.test, "TestFindings/") {
		return 1
	}
	return 0
}

// Head is a report without the lines of "go test" around it, and without the
// repetition that rapid prints after shrinking.
func Head(text string) string {
	const most = 60
	var b strings.Builder
	n := 0
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "=== ") || strings.HasPrefix(strings.TrimSpace(line), "--- ") {
			continue
		}
		if strings.Contains(line, "Failed test output:") {
			break
		}
		if n++; n > most {
			b.WriteString("      …\n")
			break
		}
		b.WriteString(line)
	}
	return b.String()
}
