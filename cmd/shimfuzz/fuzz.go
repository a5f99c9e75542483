package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"shimfuzz/internal/hcsshim/extract"
	"shimfuzz/internal/settings"
	"shimfuzz/internal/targets"
)

// fuzz runs the targets one after the other and ends with a table.
func fuzz(ctx context.Context, b *extract.Build) error {
	chosen, err := chosenTargets()
	if err != nil {
		return err
	}
	dir := filepath.Join(b.Dir, "fuzz")
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	if err := printVersions(ctx, b); err != nil {
		return err
	}
	fmt.Println("  building the targets (a minute the first time)")
	binary := filepath.Join(b.Dir, "fuzz.test")
	if err := reported(goTool(ctx, b, "test", "-c", "-fuzz=.", "-o", binary, "./fuzz")); err != nil {
		return err
	}
	var results []result
	for _, target := range chosen {
		r, err := runTarget(ctx, b, binary, dir, target)
		if err != nil {
			return err
		}
		results = append(results, r)
		if ctx.Err() != nil {
			break
		}
	}
	return printResults(results, ctx.Err() != nil)
}

func chosenTargets() ([]string, error) {
	target := setting("TARGET", "")
	if target == "" {
		return targets.Names(), nil
	}
	if _, err := targets.Named(target); err != nil {
		return nil, fmt.Errorf("TARGET=%s: %w", target, err)
	}
	return []string{target}, nil
}

// result is a row of the table.
type result struct {
	target      string
	execs, news int
	excused     map[string]int
	crasher     string // file that reproduces a failure
}

// runTarget fuzzes one target in dir, whose testdata is where the engine looks
// for seeds of former runs and puts what makes the target fail.
func runTarget(ctx context.Context, b *extract.Build, binary, dir, target string) (result, error) {
	counts, err := os.MkdirTemp(b.Dir, "counts-")
	if err != nil {
		return result{}, err
	}
	defer os.RemoveAll(counts)
	fmt.Printf("\n%s\n", target)
	cmd := tool(ctx, b, binary, "-test.run=^$", "-test.fuzz=^"+target+"$", "-test.fuzztime="+setting("FUZZTIME", "30s"),
		"-test.fuzzcachedir="+filepath.Join(b.Dir, "fuzzcache"), "-test.fuzzminimizetime=3s")
	cmd.Dir = dir
	cmd.Env = append(cmd.Env, settings.Counts+"="+counts)
	cmd.Stdout = nil
	pipe, err := cmd.StdoutPipe()
	if err != nil {
		return result{}, err
	}
	cmd.Stderr = cmd.Stdout
	if err := cmd.Start(); err != nil {
		return result{}, err
	}
	r := result{target: target}
	log := r.follow(pipe)
	if r.crasher != "" {
		r.crasher = filepath.Join(dir, "testdata", "fuzz", r.crasher)
	}
	err = cmd.Wait()
	if r.excused, _ = settings.ReadCounts(counts); r.excused == nil {
		r.excused = map[string]int{}
	}
	var exit *exec.ExitError
	switch {
	case ctx.Err() != nil:
		return r, nil
	case err == nil && r.execs == 0:
		return r, fmt.Errorf("%s: the time was up before all seeds were tried: raise FUZZTIME", target)
	case err == nil:
		return r, nil
	case !errors.As(err, &exit):
		return r, err
	case r.crasher == "" && strings.Contains(log, "context deadline exceeded"):
		// golang/go#75804: the engine can mistake its own deadline for a failure.
		fmt.Println("  (the time was up during an execution; nothing failed)")
		return r, nil
	case r.crasher == "":
		return r, fmt.Errorf("%s failed without a reproducer:\n%s", target, log)
	}
	fmt.Println()
	_ = replay(ctx, b, binary, r.crasher) // fails, as it should
	return r, nil
}

var (
	progress = regexp.MustCompile(`execs: (\d+) .*new interesting: (\d+)`)
	crash    = regexp.MustCompile(`(?:written to testdata/fuzz/|seed corpus entry: )(Fuzz\w+/[\w#]+)`)
)

// follow prints the engine's progress and notes what it says. It returns the rest.
func (r *result) follow(out io.Reader) string {
	var log strings.Builder
	lines := bufio.NewScanner(out)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		line := lines.Text()
		if m := crash.FindStringSubmatch(filepath.ToSlash(line)); m != nil {
			r.crasher = filepath.FromSlash(m[1])
		}
		if m := progress.FindStringSubmatch(line); m != nil {
			r.execs, _ = strconv.Atoi(m[1])
			r.news, _ = strconv.Atoi(m[2])
		}
		if strings.HasPrefix(line, "fuzz: ") {
			fmt.Println("  " + strings.TrimPrefix(line, "fuzz: "))
		} else if log.Len() < 1<<16 {
			log.WriteString(line + "\n")
		}
	}
	return log.String()
}

// replay runs a target once on a file of the fuzzing engine and shows the report.
func replay(ctx context.Context, b *extract.Build, binary, file string) error {
	target := filepath.Base(filepath.Dir(file))
	cmd := tool(ctx, b, binary, "-test.run=^"+target+"$/^"+regexp.QuoteMeta(filepath.Base(file))+"$", "-test.v")
	cmd.Dir = filepath.Join(filepath.Dir(file), "..", "..", "..")
	if err := os.MkdirAll(cmd.Dir, 0o777); err != nil {
		return err
	}
	cmd.Stdout, cmd.Stderr = nil, nil
	out, err := cmd.CombinedOutput()
	fmt.Print(head(string(out)))
	if err == nil && !strings.Contains(string(out), "--- PASS: "+target+"/"+filepath.Base(file)) {
		return fmt.Errorf("%s did not run on %s", target, file)
	}
	return err
}

func printResults(results []result, interrupted bool) error {
	fmt.Printf("\n%-16s %12s %10s %8s  %s\n", "target", "executions", "new inputs", "failures", "excused answers")
	failed := false
	for _, r := range results {
		failures := 0
		if r.crasher != "" {
			failures, failed = 1, true
		}
		fmt.Printf("%-16s %12d %10d %8d  %s\n", r.target, r.execs, r.news, failures, excusedText(r.excused))
	}
	for _, r := range results {
		switch {
		case strings.Contains(r.crasher, "#"):
			fmt.Printf("\n%s fails on a case of the corpus, before any fuzzing: see the report above\n", r.target)
		case r.crasher != "":
			fmt.Printf("\n%s failed; the smallest input found:\n  %s\n", r.target, settings.ReproCommand(r.crasher))
		}
	}
	if interrupted {
		fmt.Println("\ninterrupted; what was found so far is kept")
	}
	if failed || interrupted {
		return errReported
	}
	return nil
}

func excusedText(counts map[string]int) string {
	var names []string
	for name := range counts {
		names = append(names, name)
	}
	slices.Sort(names)
	for i, name := range names {
		names[i] = fmt.Sprintf("%s %d", name, counts[name])
	}
	return strings.Join(names, ", ")
}

// fromHere shortens a path for people.
func fromHere(path string) string {
	if dir, err := os.Getwd(); err == nil {
		if rel, err := filepath.Rel(dir, path); err == nil {
			return rel
		}
	}
	return path
}
