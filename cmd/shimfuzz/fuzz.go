package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"text/tabwriter"

	"shimfuzz/fuzz"
	"shimfuzz/internal/gocmd"
	"shimfuzz/internal/hcsshim"
	"shimfuzz/internal/verify"
)

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

// engine runs fuzz targets with Go's own fuzzing engine.
type engine struct {
	binary   string // the test binary of package fuzz
	dir      string // whose testdata has the seeds of former runs, and gets what makes a target fail
	cache    string // the engine's
	fuzztime string // for each target, as go test takes it
}

// fuzzTargets runs targets one after the other and ends with a table. An interrupt ends
// the one that runs.
func fuzzTargets(o *options, root string) error {
	if err := verify.Ready(); err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	dir := hcsshim.Current().Build
	e := engine{binary: filepath.Join(dir, "fuzz.test"), dir: filepath.Join(dir, "fuzz"),
		cache: filepath.Join(dir, "fuzzcache"), fuzztime: o.fuzztime}
	if err := os.MkdirAll(e.dir, 0o777); err != nil {
		return err
	}
	fmt.Println("  building the targets (a minute the first time)")
	if err := gocmd.Show(here(ctx, root, "go", "test", "-c", "-fuzz=.", "-o", e.binary, "./fuzz")); err != nil {
		return err
	}
	chosen := fuzz.Names()
	if o.target != "" {
		chosen = []string{o.target}
	}
	var results []result
	for _, target := range chosen {
		r, err := e.run(ctx, target)
		if err != nil {
			return err
		}
		results = append(results, r)
		if ctx.Err() != nil {
			break
		}
		if err := r.explain(ctx); err != nil {
			return err
		}
	}
	printResults(results)
	if ctx.Err() != nil {
		return errors.New("interrupted; what was found so far is kept")
	}
	if slices.ContainsFunc(results, func(r result) bool { return r.failed }) {
		return gocmd.ErrReported
	}
	if slices.ContainsFunc(results, func(r result) bool { return r.unfuzzed }) {
		return fmt.Errorf("the time was up before all seeds of a target were tried: raise FUZZTIME=%s", o.fuzztime)
	}
	return nil
}

// here is a command in this process's own workspace.
func here(ctx context.Context, dir, name string, args ...string) *exec.Cmd {
	cmd := gocmd.Command(ctx, dir, name, args...)
	cmd.Env = os.Environ()
	return cmd
}

// run fuzzes one target.
func (e engine) run(ctx context.Context, target string) (r result, err error) {
	s := verify.Settings()
	if s.Results, err = os.MkdirTemp(filepath.Dir(e.dir), "results-"); err != nil {
		return r, err
	}
	defer os.RemoveAll(s.Results)
	fmt.Printf("\n%s\n", target)
	// Making each input of interest smaller would take half of the executions. An
	// input that fails is made smaller later, see explain.
	cmd := here(ctx, e.dir, e.binary, "-test.run=^$", "-test.fuzz=^"+target+"$", "-test.fuzztime="+e.fuzztime,
		"-test.fuzzcachedir="+e.cache, "-test.fuzzminimizetime=0")
	cmd.Env = append(cmd.Env, s.Environ())
	r.target = target
	err = gocmd.Lines(cmd, r.follow)
	if r.crasher != "" {
		r.crasher = filepath.Join(e.dir, "testdata", "fuzz", r.crasher)
	}
	var excusedErr error
	r.excused, excusedErr = verify.ReadExcused(s.Results)
	if ctx.Err() != nil {
		return r, nil
	}
	return r, errors.Join(excusedErr, r.judge(err))
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
	counts = regexp.MustCompile(`execs: (\d+) .*new interesting: (\d+)`)
	crash  = regexp.MustCompile(`(?:written to testdata/fuzz/|seed corpus entry: )(Fuzz\w+/[\w#]+)`)
)

// follow prints the engine's progress and notes what a line says.
func (r *result) follow(line string) {
	if m := crash.FindStringSubmatch(filepath.ToSlash(line)); m != nil {
		r.failed = true
		if r.crasher = ""; !strings.Contains(m[1], "#") {
			r.crasher = filepath.FromSlash(m[1])
		}
	}
	if m := counts.FindStringSubmatch(line); m != nil {
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
func (r *result) explain(ctx context.Context) error {
	if !r.failed {
		return nil
	}
	if r.crasher == "" {
		fmt.Println(r.log)
		return nil
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	// In a process of its own, for an input can end it.
	err = gocmd.Show(here(ctx, "", self, "repro", "-shrink", "-case="+r.crasher))
	if !errors.Is(err, gocmd.ErrReported) {
		return errors.Join(err, fmt.Errorf("%s does not fail again on %s:\n%s", r.target, r.crasher, r.log))
	}
	return nil
}

func printResults(results []result) {
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
			fmt.Printf("\n%s failed; the smallest input found:\n  make repro %s\n", r.target,
				verify.Settings().CaseArguments(r.crasher))
		case r.failed:
			fmt.Printf("\n%s fails on a case of the corpus, before any fuzzing: see the report above\n", r.target)
		}
	}
}
