package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"time"

	"shimfuzz/internal/hcsshim/extract"
	"shimfuzz/internal/settings"
)

// testRun gathers the results of several runs of "go test".
type testRun struct {
	passed, skipped int
	failed          []failure
	output          map[string]*strings.Builder // of tests that have not passed
	running         map[string]event            // tests that have begun and not ended
	hasChild        map[string]bool             // tests with a failed subtest
	broken          []string                    // packages that failed beside their tests
	said            bool                        // a test has said something since the line began
}

type failure struct{ test, text string }

func newTestRun() *testRun {
	return &testRun{output: make(map[string]*strings.Builder), running: make(map[string]event), hasChild: make(map[string]bool)}
}

// event is one line of "go test -json" (go doc test2json).
type event struct {
	Action, Package, ImportPath, Test, Output string
}

// packages tests packages and prints a line of progress. Its error is one of
// running the tests, not of theirs.
func (r *testRun) packages(ctx context.Context, b *extract.Build, what string, packages, flags, testFlags []string) error {
	start := time.Now()
	fmt.Printf("  %-46s ", what)
	// vet is make lint's; it cannot enter folders that only an overlay has.
	// What hangs is the watchdog's to end (contract.HangLimit). The limit on all
	// tests together is for what is no decode, and no busy machine reaches it.
	args := slices.Concat([]string{"-json", "-vet=off", "-timeout=60m"}, flags, packages, testFlags)
	cmd := goTool(ctx, b, "test", args...)
	var stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = nil, &stderr
	pipe, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	passed, failed := r.passed, len(r.failed)+len(r.broken)
	lines := bufio.NewScanner(pipe)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var e event
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			fmt.Fprintln(&stderr, lines.Text())
			continue
		}
		r.add(e)
	}
	err = errors.Join(lines.Err(), cmd.Wait())
	if ctx.Err() != nil {
		fmt.Println("interrupted")
		return errReported
	}
	failures := len(r.failed) + len(r.broken) - failed
	if r.said {
		fmt.Printf("\n  %-46s ", "")
	}
	r.said = false
	fmt.Printf("%5d passed  %3d failed  %3.0f s\n", r.passed-passed, failures, time.Since(start).Seconds())
	var exit *exec.ExitError
	if err != nil && (!errors.As(err, &exit) || failures == 0) {
		return fmt.Errorf("go test: %w\n%s", err, stderr.String())
	}
	return nil
}

func (r *testRun) add(e event) {
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
		if r.output[key] == nil {
			r.output[key] = new(strings.Builder)
		}
		r.output[key].WriteString(e.Output)
	case "pass":
		if e.Test != "" {
			r.passed++
		}
		delete(r.output, key)
	case "skip":
		if e.Test != "" {
			r.skipped++
		}
	case "fail", "build-fail":
		r.fail(key, e)
	}
}

// fail notes a failed test, unless what failed is one of its subtests, and a
// failed package if none of its tests explains that. A test that was still
// running then is what ended the process: a hang, or a fatal error of Go's.
func (r *testRun) fail(key string, e event) {
	text := ""
	if r.output[key] != nil {
		text = r.output[key].String()
	}
	if e.Test == "" {
		for _, key := range slices.Backward(slices.Sorted(maps.Keys(r.running))) { // subtests first
			if running := r.running[key]; running.Package == e.Package {
				delete(r.running, key)
				r.fail(key, running)
			}
		}
		if !r.hasChild[e.Package+"."] {
			r.broken = append(r.broken, strings.TrimSpace(e.Package+e.ImportPath+"\n"+text))
			r.hasChild[e.Package+"."] = true
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
		r.failed = append(r.failed, failure{e.Test, text})
	}
}

var findingRow = regexp.MustCompile(`(?m)^\s*finding +([a-z0-9-]+):`)

// finish prints the failures, one in full for each finding and the first few of
// the others, and ends with one line of counts.
func (r *testRun) finish() error {
	byFinding := make(map[string][]failure)
	for _, f := range r.failed {
		name := ""
		if m := findingRow.FindStringSubmatch(f.text); m != nil {
			name = m[1]
		}
		byFinding[name] = append(byFinding[name], f)
	}
	for _, text := range r.broken {
		fmt.Printf("\nFAIL  %s\n", text)
	}
	r.printUnexplained(byFinding[""])
	delete(byFinding, "")
	printFindings(byFinding)
	failed := len(r.failed) + len(r.broken)
	fmt.Printf("\n%d passed, %d failed, %d skipped\n", r.passed, failed, r.skipped)
	if failed > 0 {
		return errReported
	}
	return nil
}

const maxFailures = 4

func (r *testRun) printUnexplained(failures []failure) {
	for i, f := range failures {
		if i == maxFailures {
			fmt.Printf("\n… and %d more failures:\n", len(failures)-i)
		}
		if i < maxFailures {
			fmt.Printf("\nFAIL  %s\n%s", f.test, head(f.text))
		} else if i < 20 {
			fmt.Printf("  %s\n", f.test)
		}
	}
}

// printFindings shows one report of each finding and says how often it was met.
func printFindings(byFinding map[string][]failure) {
	var names []string
	for name, failures := range byFinding {
		names = append(names, name)
		slices.SortFunc(failures, func(a, b failure) int {
			if own := inFindings(b) - inFindings(a); own != 0 {
				return own
			}
			return len(a.text) - len(b.text)
		})
	}
	slices.Sort(names)
	for _, name := range names {
		fmt.Printf("\nFAIL  %s\n%s", byFinding[name][0].test, head(byFinding[name][0].text))
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

// head is a report without the lines of "go test" around it, and without the
// repetition that rapid prints after shrinking.
func head(text string) string {
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
