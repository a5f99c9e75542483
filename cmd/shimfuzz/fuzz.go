package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"

	"shimfuzz/fuzz"
	"shimfuzz/internal/gocmd"
	"shimfuzz/internal/hcsshim"
	"shimfuzz/internal/verify"
)

// fuzzTargets runs targets one after the other with Go's own fuzzing engine, and ends with a
// table. An interrupt ends the one that runs.
func fuzzTargets(o *options, root string) error {
	if err := verify.Ready(); err != nil {
		return err
	}
	targets := fuzz.Names()
	if o.target != "" {
		if _, err := fuzz.Named(o.target); err != nil {
			return err
		}
		targets = []string{o.target}
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	fmt.Println("  building the targets (a minute the first time)")
	build := here(ctx, root, "go", "test", "-c", "-fuzz=.", "-o", built("fuzz.test"), "./fuzz")
	if err := gocmd.Show(build); err != nil {
		return err
	}
	failed := false
	const row = "%-17s  %-10s  %-10s  %s\n"
	table := fmt.Sprintf(row, "target", "executions", "new inputs", "failure")
	for _, target := range targets {
		r, err := fuzzTarget(ctx, target, o.fuzztime)
		if err != nil {
			return err
		}
		table += fmt.Sprintf(row, target, r.execs, r.news, cmp.Or(r.failure, "none"))
		failed = failed || r.failure != ""
		if ctx.Err() != nil {
			break
		}
	}
	fmt.Printf("\n%sin hcsshim %s, FINDINGS=%s\n", table, hcsshim.Current().Source, verify.Excused().Name)
	if ctx.Err() != nil {
		return errors.New("interrupted; what was found so far is kept")
	}
	if failed {
		return gocmd.ErrReported
	}
	return nil
}

// built is a file of the hcsshim under test's own.
func built(name string) string { return filepath.Join(hcsshim.Current().Build, name) }

// here is a command in this process's own workspace.
func here(ctx context.Context, dir, name string, args ...string) *exec.Cmd {
	cmd := gocmd.Command(ctx, dir, name, args...)
	cmd.Env = os.Environ()
	return cmd
}

// result is what the engine has made of a target.
type result struct {
	execs, news string
	failure     string // the line that replays it, or what else to do about it; "" without one
	crasher     string // file that makes the target fail, "" if none or if it is a seed
	log         string // what the engine printed next to its progress
}

// fuzzTarget fuzzes one target, and explains its failure. The test binary's folder has the
// inputs that made a target fail, of former runs, too.
func fuzzTarget(ctx context.Context, target, fuzztime string) (r result, err error) {
	if err := os.MkdirAll(built("fuzz"), 0o777); err != nil {
		return r, err
	}
	r.execs, r.news = "0", "0"
	fmt.Printf("\n%s\n", target)
	// Making each input of interest smaller would take half of the executions. An
	// input that fails is made smaller later, see explain.
	cmd := here(ctx, built("fuzz"), built("fuzz.test"), "-test.run=^$", "-test.fuzz=^"+target+"$",
		"-test.fuzztime="+fuzztime, "-test.fuzzcachedir="+built("fuzzcache"), "-test.fuzzminimizetime=0")
	err = gocmd.Lines(cmd, r.follow)
	if ctx.Err() != nil {
		return r, nil
	}
	if err = r.judge(err); err == nil && r.crasher != "" {
		err = r.explain(ctx)
	}
	return r, err
}

var (
	counts  = regexp.MustCompile(`execs: (\d+) .*new interesting: (\d+)`)
	crasher = regexp.MustCompile(`(?:written to testdata.fuzz.|seed corpus entry: )(Fuzz\w+)[/\\]([\w#]+)`)
)

// follow prints the engine's progress and notes what a line says.
func (r *result) follow(line string) {
	status, found := strings.CutPrefix(line, "fuzz: ")
	if !found {
		r.log += line + "\n"
		return
	}
	fmt.Println("  " + status)
	if m := counts.FindStringSubmatch(line); m != nil {
		r.execs, r.news = m[1], m[2]
	}
}

// judge decides whether the engine's error is a failure of the target.
func (r *result) judge(err error) error {
	m := crasher.FindStringSubmatch(r.log)
	_, isExit := errors.AsType[*exec.ExitError](err)
	switch {
	case err != nil && !isExit:
		return err
	case err == nil && strings.Trim(r.execs, "0") == "":
		r.failure = "not fuzzed: the time was up before all seeds were tried, raise FUZZTIME"
	case err == nil:
	case m != nil && strings.Contains(m[2], "#"):
		fmt.Println(r.log)
		r.failure = "a case of the corpus, before any fuzzing: see above"
	case m != nil:
		r.crasher = filepath.Join(built("fuzz"), "testdata", "fuzz", m[1], m[2])
		r.failure = "make repro " + verify.Settings().CaseArguments(r.crasher)
	case strings.Contains(r.log, "context deadline exceeded"):
		// golang/go#75804: the engine can mistake its own deadline for a failure.
		fmt.Println("  (the time was up during an execution; nothing failed)")
	default:
		return fmt.Errorf("the engine failed without a reproducer:\n%s", r.log)
	}
	return nil
}

// explain makes the input that failed smaller and shows the report, in a process of its
// own, for an input can end it.
func (r *result) explain(ctx context.Context) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	err = gocmd.Show(here(ctx, "", self, "repro", "-shrink", "-case="+r.crasher))
	if errors.Is(err, gocmd.ErrReported) {
		return nil
	}
	return errors.Join(err, fmt.Errorf("it does not fail again on %s:\n%s", r.crasher, r.log))
}
