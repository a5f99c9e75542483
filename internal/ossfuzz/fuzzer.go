package ossfuzz

import (
	"archive/zip"
	"bufio"
	"context"
	"debug/elf"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Fuzzer is a target that build.sh has made, in the folder that it was moved to.
type Fuzzer struct {
	Dir, Target string
}

func (f Fuzzer) binary() string { return filepath.Join(f.Dir, f.Target) }

// minASanCalls is what bad_build_check asks of a build for AddressSanitizer.
const minASanCalls = 1000

// Inspect checks that the binary is one of libFuzzer's, for this architecture,
// with AddressSanitizer in it. It returns the number of calls to that.
func (f Fuzzer) Inspect(ctx context.Context) (asanCalls int, err error) {
	bin, err := elf.Open(f.binary())
	if err != nil {
		return 0, err
	}
	defer bin.Close()
	symbols, err := bin.Symbols()
	if err != nil {
		return 0, err
	}
	found := false
	for _, s := range symbols {
		found = found || s.Name == "LLVMFuzzerTestOneInput"
	}
	if !found {
		return 0, errors.New("no LLVMFuzzerTestOneInput in it")
	}
	if bin.Machine != elf.EM_X86_64 {
		return 0, fmt.Errorf("built for %v, not x86_64", bin.Machine)
	}
	cmd := exec.CommandContext(ctx, "objdump", "-dC", "--no-show-raw-insn", f.binary())
	out, err := cmd.StdoutPipe()
	if err != nil {
		return 0, err
	}
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if line := lines.Text(); strings.Contains(line, "<__asan") && strings.Contains(line, "call ") {
			asanCalls++
		}
	}
	_, _ = io.Copy(io.Discard, out)
	if err := errors.Join(lines.Err(), cmd.Wait()); err != nil {
		return 0, fmt.Errorf("objdump: %w", err)
	}
	if asanCalls < minASanCalls {
		return asanCalls, fmt.Errorf("%d calls to AddressSanitizer, want %d", asanCalls, minASanCalls)
	}
	return asanCalls, nil
}

// Run is one run of a fuzzer.
type Run struct {
	Corpus   []string // folders: the first gets what is new
	Flags    []string
	Env      []string // besides the process's own
	Artifact string   // folder for an input that makes it fail
	Progress func(executions, coverage int)
}

// Result is what a fuzzer said of a run.
type Result struct {
	Executions    int
	PerSecond     int
	First, Last   int    // coverage, in edges: after the seeds, and at the end
	Crash         string // the file with the input that made it fail, if there is one
	Report        string // of the failure
	Done          bool   // it ended with "Done … runs"
	Failed        bool   // it ended with an exit code other than 0
	Seconds       float64
	artifactNamed string
}

var (
	status   = regexp.MustCompile(`^#(\d+)\t(\w+) +cov: (\d+)`)
	done     = regexp.MustCompile(`^Done (\d+) runs in `)
	perSec   = regexp.MustCompile(`^stat::average_exec_per_sec: +(\d+)`)
	executed = regexp.MustCompile(`^stat::number_of_executed_units: +(\d+)`)
	artifact = regexp.MustCompile(`Test unit written to (.*)$`)

	reportStart = regexp.MustCompile(`^(panic|fatal error): |ERROR: `)
)

// Run runs the fuzzer as the runner does: with the options, limits and
// dictionary that stand beside it, in its own folder, with nothing on stdin.
func (f Fuzzer) Run(ctx context.Context, r Run) (Result, error) {
	options, err := f.options()
	if err != nil {
		return Result{}, err
	}
	args := append([]string{"-rss_limit_mb=2560", "-timeout=25", "-print_final_stats=1"}, options...)
	args = append(args, r.Flags...)
	if r.Artifact != "" {
		args = append(args, "-artifact_prefix="+r.Artifact+string(filepath.Separator))
	}
	cmd := exec.CommandContext(ctx, f.binary(), append(args, r.Corpus...)...)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 5 * time.Second
	cmd.Dir = f.Dir
	cmd.Env = append(os.Environ(), r.Env...)
	out, err := cmd.StderrPipe()
	if err != nil {
		return Result{}, err
	}
	start := time.Now()
	if err := cmd.Start(); err != nil {
		return Result{}, err
	}
	var res Result
	res.follow(out, r.Progress)
	err = cmd.Wait()
	res.Seconds = time.Since(start).Seconds()
	var exit *exec.ExitError
	switch {
	case ctx.Err() != nil:
		return res, ctx.Err()
	case err == nil:
		return res, nil
	case errors.As(err, &exit):
		res.Failed, res.Crash = true, res.artifactNamed
		if res.Report == "" {
			res.Report = err.Error()
		}
		return res, nil
	}
	return res, err
}

// follow reads what a fuzzer prints. Of a failure it keeps the report, and
// leaves out the engine's own stack below.
func (res *Result) follow(out io.Reader, progress func(executions, coverage int)) {
	var report []string
	inReport, reported := false, false
	lines := bufio.NewScanner(out)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		line := lines.Text()
		if m := status.FindStringSubmatch(line); m != nil {
			res.Executions, _ = strconv.Atoi(m[1])
			res.Last, _ = strconv.Atoi(m[3])
			if m[2] == "INITED" {
				res.First = res.Last
			}
			if progress != nil {
				progress(res.Executions, res.Last)
			}
		}
		if m := done.FindStringSubmatch(line); m != nil {
			res.Executions, _ = strconv.Atoi(m[1])
			res.Done = true
		}
		if m := perSec.FindStringSubmatch(line); m != nil {
			res.PerSecond, _ = strconv.Atoi(m[1])
		}
		if m := executed.FindStringSubmatch(line); m != nil {
			res.Executions, _ = strconv.Atoi(m[1])
		}
		if m := artifact.FindStringSubmatch(line); m != nil {
			res.artifactNamed = m[1]
		}
		switch {
		case !reported && reportStart.MatchString(line):
			inReport, reported = true, true
		case strings.HasPrefix(line, "goroutine "), strings.HasPrefix(line, "SUMMARY: "):
			inReport = false
		}
		if inReport && len(report) < 80 {
			report = append(report, line)
		}
	}
	_, _ = io.Copy(io.Discard, out) // a line beyond the limit must not block the fuzzer
	res.Report = strings.TrimSpace(strings.Join(report, "\n"))
}

// options are the flags that the .options file beside the fuzzer asks for.
func (f Fuzzer) options() ([]string, error) {
	text, err := os.ReadFile(f.binary() + ".options")
	if err != nil {
		return nil, err
	}
	var flags []string
	for line := range strings.Lines(string(text)) {
		name, value, found := strings.Cut(strings.TrimSpace(line), " = ")
		if !found {
			continue
		}
		if name == "dict" {
			value = filepath.Join(f.Dir, value)
		}
		flags = append(flags, "-"+name+"="+value)
	}
	return flags, nil
}

// Seeds unpacks the fuzzer's seed corpus into dir and returns the number of files.
func (f Fuzzer) Seeds(dir string) (int, error) {
	archive, err := zip.OpenReader(f.binary() + "_seed_corpus.zip")
	if err != nil {
		return 0, err
	}
	defer archive.Close()
	return len(archive.File), os.CopyFS(dir, archive)
}
