package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"os"
	"os/signal"
	"slices"
	"strings"

	"shimfuzz/internal/gocmd"
	"shimfuzz/internal/verify"
)

// summary shows what go test -json says on standard input, and fails if a test has. An interrupt
// is go test's to obey: then this is what was known.
func summary(*options, string) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	run := newTestRun(os.Stdout)
	if err := run.read(os.Stdin); err != nil {
		return err
	}
	if err := run.end(); ctx.Err() == nil {
		return err
	}
	return errors.New("interrupted: this is what was known by then")
}

// testRun is a run of go test: what fails is shown when it does, what passes is counted.
type testRun struct {
	out            io.Writer
	texts, parts   map[string]string // of what has not ended, and the start of its last line, by package and test
	passed, failed int
	red            bool
	skipped        map[string]int // by the reason
	results        verify.Results
}

// event is what go test -json says on a line (go doc test2json).
type event struct{ Action, Package, Test, Output string }

func newTestRun(out io.Writer) *testRun {
	return &testRun{out: out, texts: make(map[string]string), parts: make(map[string]string),
		skipped: make(map[string]int)}
}

func (r *testRun) read(in io.Reader) error {
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, math.MaxInt) // of any length
	for lines.Scan() {
		var e event
		if json.Unmarshal(lines.Bytes(), &e) != nil {
			fmt.Fprintln(r.out, lines.Text()) // an error of the go command's own
			continue
		}
		if err := r.event(e); err != nil {
			return err
		}
	}
	return lines.Err()
}

func (r *testRun) event(e event) error {
	name := e.Package + " " + e.Test
	switch e.Action {
	case "build-output":
		fmt.Fprint(r.out, e.Output)
	case "output":
		e.Output = r.parts[name] + e.Output // go test hands on a long line in parts
		if r.parts[name] = e.Output; strings.HasSuffix(e.Output, "\n") {
			delete(r.parts, name)
			return r.output(name, e)
		}
	case "pass", "skip", "fail":
		r.texts[name] += r.parts[name]
		if e.Test != "" {
			r.ends(e.Action, r.texts[name])
		} else if e.Action == "fail" {
			r.red = true
			r.endsPackage(e.Package)
		}
		delete(r.texts, name)
		delete(r.parts, name)
	}
	return nil
}

// output keeps what a test prints until it ends, but for its progress and its results.
func (r *testRun) output(name string, e event) error {
	result, found := strings.CutPrefix(e.Output, verify.ResultsLine)
	switch {
	case found:
		var results verify.Results
		if err := json.Unmarshal([]byte(result), &results); err != nil {
			return err
		}
		r.results.Add(results)
	case strings.HasSuffix(e.Output, " so far\n"), e.Test == "" && strings.HasPrefix(e.Output, "ok  "):
		fmt.Fprint(r.out, e.Output)
	case e.Test == "" || !strings.HasPrefix(e.Output, "=== "):
		r.texts[name] += e.Output
	}
	return nil
}

// ends counts a test that has ended, and shows why it has failed. A test whose subtests have failed has
// nothing to say but that.
func (r *testRun) ends(action, text string) {
	switch action {
	case "pass":
		r.passed++
	case "skip":
		_, reason, _ := strings.Cut(text, ": ")
		reason, _, _ = strings.Cut(reason, "\n")
		r.skipped[reason]++
	case "fail":
		r.failed++
		if strings.Count(text, "\n") > 1 {
			fmt.Fprint(r.out, text)
		}
	}
}

// endsPackage shows what is left of a package that has failed: of a process that has died, and of go test's
// own timeout, also what the tests printed that had not ended.
func (r *testRun) endsPackage(name string) {
	for _, key := range slices.Sorted(maps.Keys(r.texts)) {
		if pkg, _, _ := strings.Cut(key, " "); pkg == name {
			fmt.Fprint(r.out, r.texts[key])
			delete(r.texts, key)
		}
	}
}

// end prints the findings and the counts.
func (r *testRun) end() error {
	r.results.Print(r.out)
	skipped := 0
	for _, reason := range slices.Sorted(maps.Keys(r.skipped)) {
		fmt.Fprintf(r.out, "skipped %d: %s\n", r.skipped[reason], reason)
		skipped += r.skipped[reason]
	}
	fmt.Fprintf(r.out, "%d passed, %d failed, %d skipped\n", r.passed, r.failed, skipped)
	switch {
	case r.red && r.failed == 0:
		return errors.New("a package has failed, but none of its tests: see above")
	case r.red || r.failed > 0:
		return gocmd.ErrReported
	case r.passed == 0:
		return errors.New("no test has run")
	}
	return nil
}
