// Package engine runs the fuzz targets with Go's own fuzzing engine, and makes
// smaller what they fail on.
package engine

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"

	"shimfuzz/internal/gocmd"
	"shimfuzz/internal/hcsshim/extract"
	"shimfuzz/internal/settings"
)

// Replayer is the program that runs a target once on the case in a file and
// reports a failure: its arguments are both.
const Replayer = "./fuzz/replay"

// result is a row of the table.
type result struct {
	target      string
	execs, news int
	excused     map[string]int
	failed      bool
	unfuzzed    bool   // the time was up before all seeds were tried
	crasher     string // file that reproduces a failure, "" if that is a seed
	log         string // what the engine printed next to its progress
}

// Fuzz runs targets one after the other, each for fuzztime as "go test" takes
// it, and ends with a table.
func Fuzz(ctx context.Context, b *extract.Build, s settings.Test, chosen []string, fuzztime string) error {
	fmt.Println("  building the targets (a minute the first time)")
	binary := filepath.Join(b.Dir, "fuzz.test")
	if err := gocmd.Show(b.Go(ctx, s, "test", "-c", "-fuzz=.", "-o", binary, "./fuzz")); err != nil {
		return err
	}
	var results []result
	for _, target := range chosen {
		r, err := runTarget(ctx, b, s, binary, target, fuzztime)
		if err != nil {
			return err
		}
		results = append(results, r)
		if ctx.Err() != nil {
			break
		}
		if r.failed {
			if err := r.explain(ctx, b, s); err != nil {
				return err
			}
		}
	}
	printResults(results, s)
	if ctx.Err() != nil {
		return errors.New("interrupted; what was found so far is kept")
	}
	if slices.ContainsFunc(results, func(r result) bool { return r.failed }) {
		return gocmd.ErrReported
	}
	if slices.ContainsFunc(results, func(r result) bool { return r.unfuzzed }) {
		return fmt.Errorf("the time was up before all seeds of a target were tried: raise FUZZTIME=%s", fuzztime)
	}
	return nil
}

// runTarget fuzzes one target in a folder whose testdata is where the engine
// looks for seeds of former runs and puts what makes the target fail.
func runTarget(ctx context.Context, b *extract.Build, s settings.Test, binary, target, fuzztime string) (r result,
	err error) {
	dir := filepath.Join(b.Dir, "fuzz")
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return r, err
	}
	if s.Results, err = os.MkdirTemp(b.Dir, "results-"); err != nil {
		return r, err
	}
	defer os.RemoveAll(s.Results)
	fmt.Printf("\n%s\n", target)
	// Making each input of interest smaller would take half of the executions. An
	// input that fails is made smaller later, see explain.
	cmd := b.Command(ctx, s, binary, "-test.run=^$", "-test.fuzz=^"+target+"$", "-test.fuzztime="+fuzztime,
		"-test.fuzzcachedir="+filepath.Join(b.Dir, "fuzzcache"), "-test.fuzzminimizetime=0")
	cmd.Dir = dir
	r.target = target
	err = gocmd.Lines(cmd, r.follow)
	if r.crasher != "" {
		r.crasher = filepath.Join(dir, "testdata", "fuzz", r.crasher)
	}
	results, resultsErr := settings.ReadResults(s.Results)
	r.excused = results.Excused
	if ctx.Err() != nil {
		return r, nil
	}
	return r, errors.Join(resultsErr, r.judge(err))
}

// judge decides whether the engine's error is a failure of the target.
func (r *result) judge(err error) error {
	var exit *exec.ExitError
	switch {
	case err == nil && r.execs == 0:
		fmt.Println("  the time was up before all seeds were tried")
		r.unfuzzed = true
	case err != nil && !errors.As(err, &exit):
		return err
	case err != nil && !r.failed && strings.Contains(r.log, "context deadline exceeded"):
		// golang/go#75804: the engine can mistake its own deadline for a failure.
		fmt.Println("  (the time was up during an execution; nothing failed)")
	case err != nil && !r.failed:
		return fmt.Errorf("%s failed without a reproducer:\n%s", r.target, r.log)
	}
	return nil
}

var (
	progress = regexp.MustCompile(`execs: (\d+) .*new interesting: (\d+)`)
	crash    = regexp.MustCompile(`(?:written to testdata/fuzz/|seed corpus entry: )(Fuzz\w+/[\w#]+)`)
)

// follow prints the engine's progress and notes what a line says.
func (r *result) follow(line string) {
	if m := crash.FindStringSubmatch(filepath.ToSlash(line)); m != nil {
		r.failed = true
		if r.crasher = ""; !strings.Contains(m[1], "#") {
			r.crasher = filepath.FromSlash(m[1])
		}
	}
	if m := progress.FindStringSubmatch(line); m != nil {
		r.execs, _ = strconv.Atoi(m[1])
		r.news, _ = strconv.Atoi(m[2])
	}
	if status, found := strings.CutPrefix(line, "fuzz: "); found {
		fmt.Println("  " + status)
	} else if len(r.log) < 1<<16 {
		r.log += line + "\n"
	}
}

// explain makes the input that failed smaller and shows the report.
func (r *result) explain(ctx context.Context, b *extract.Build, s settings.Test) error {
	if r.crasher == "" {
		fmt.Println(Head(r.log))
		return nil
	}
	cmd, err := b.Program(ctx, s, Replayer, "-shrink", r.target, r.crasher)
	if err != nil {
		return err
	}
	if err := gocmd.Show(cmd); !errors.Is(err, gocmd.ErrReported) {
		return errors.Join(err, fmt.Errorf("%s does not fail again on %s:\n%s", r.target, r.crasher, Head(r.log)))
	}
	return nil
}

func printResults(results []result, s settings.Test) {
	fmt.Println()
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "target\texecutions\tnew inputs\tfailures\texcused answers")
	for _, r := range results {
		failures := 0
		if r.failed {
			failures = 1
		}
		var excused []string
		for _, name := range slices.Sorted(maps.Keys(r.excused)) {
			excused = append(excused, fmt.Sprintf("%s %d", name, r.excused[name]))
		}
		fmt.Fprintf(w, "%s\t%d\t%d\t%d\t%s\n", r.target, r.execs, r.news, failures, strings.Join(excused, ", "))
	}
	_ = w.Flush()
	for _, r := range results {
		switch {
		case r.crasher != "":
			fmt.Printf("\n%s failed; the smallest input found:\n  %s\n", r.target, s.ReproCommand(r.crasher))
		case r.failed:
			fmt.Printf("\n%s fails on a case of the corpus, before any fuzzing: see the report above\n", r.target)
		}
	}
}

// Head is a test's report without the lines of "go test" around it, and without the
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
