package ossfuzz

import (
	"archive/zip"
	"cmp"
	"context"
	"debug/elf"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"shimfuzz/internal/gocmd"
)

// Fuzzer is a target that build.sh has made, in the folder that it was moved to.
type Fuzzer struct {
	Dir, Target string
	seeds       int // files in its seedDir
}

func (f Fuzzer) binary() string  { return filepath.Join(f.Dir, f.Target) }
func (f Fuzzer) seedDir() string { return filepath.Join(f.Dir, "corpora", f.Target, "seeds") }

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
	if !slices.ContainsFunc(symbols, func(s elf.Symbol) bool { return s.Name == "LLVMFuzzerTestOneInput" }) {
		return 0, errors.New("no LLVMFuzzerTestOneInput in it")
	}
	if bin.Machine != elf.EM_X86_64 {
		return 0, fmt.Errorf("built for %v, not x86_64", bin.Machine)
	}
	cmd := exec.CommandContext(ctx, "objdump", "-dC", "--no-show-raw-insn", f.binary())
	err = gocmd.Lines(cmd, func(line string) {
		if strings.Contains(line, "<__asan") && strings.Contains(line, "call ") {
			asanCalls++
		}
	})
	if err != nil {
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
	Artifact string   // folder for an input that makes it fail, which need not be there yet
	Progress func(executions, coverage int)
}

// Result is what a fuzzer said of a run.
type Result struct {
	Target      string
	Executions  int
	PerSecond   int
	First, Last int    // coverage, in edges: after the seeds, and at the end
	Crash       string // the file with the input that made it fail, if there is one
	Report      string // of the failure
	Group       string // of the failure, see groupOf
	Done        bool   // it ended with "Done … runs"
	Failed      bool   // it ended with an exit code other than 0
	Seconds     float64
	CPU         time.Duration
}

var (
	status   = regexp.MustCompile(`(?m)^#(\d+)\t\w+ +cov: (\d+)`)
	edges    = regexp.MustCompile(`(?m)^#\d+\t\w+ +cov: (\d+)`)
	inited   = regexp.MustCompile(`(?m)^#\d+\tINITED +cov: (\d+)`)
	done     = regexp.MustCompile(`(?m)^Done (\d+) runs in `)
	perSec   = regexp.MustCompile(`(?m)^stat::average_exec_per_sec: +(\d+)`)
	executed = regexp.MustCompile(`(?m)^stat::number_of_executed_units: +(\d+)`)
	artifact = regexp.MustCompile(`(?m)Test unit written to (.*)$`)
	// report ends where the engine's own stack begins.
	report = regexp.MustCompile(`(?ms)^((?:panic: |fatal error: |[^\n]*ERROR: ).*?)(?:^goroutine |^SUMMARY: |\z)`)
)

// asanOptions are those of the runner, which are ClusterFuzz's.
const asanOptions = "alloc_dealloc_mismatch=0:allocator_may_return_null=1:allocator_release_to_os_interval_ms=500:" +
	"check_malloc_usable_size=0:detect_container_overflow=1:detect_odr_violation=0:detect_leaks=1:" +
	"detect_stack_use_after_return=1:fast_unwind_on_fatal=0:handle_abort=1:handle_segv=1:handle_sigill=1:" +
	"max_uar_stack_size_log=16:print_scariness=1:quarantine_size_mb=10:strict_memcmp=1:" +
	"strip_path_prefix=/workspace/:symbolize=1:use_sigaltstack=1:dedup_token_length=3"

// Run runs the fuzzer as the runner does: with the options, limits and
// dictionary that stand next to it, in its own folder, with nothing on stdin.
func (f Fuzzer) Run(ctx context.Context, r Run) (Result, error) {
	options, err := f.options()
	if err != nil {
		return Result{}, err
	}
	args := append([]string{"-rss_limit_mb=2560", "-timeout=25", "-print_final_stats=1"}, options...)
	args = append(args, r.Flags...)
	if r.Artifact != "" {
		if err := os.MkdirAll(r.Artifact, 0o777); err != nil {
			return Result{}, err
		}
		args = append(args, "-artifact_prefix="+r.Artifact+string(filepath.Separator))
	}
	cmd := gocmd.Command(ctx, f.Dir, f.binary(), append(args, r.Corpus...)...)
	cmd.Env = append(append(os.Environ(), "ASAN_OPTIONS="+asanOptions), r.Env...)
	var printed strings.Builder
	start := time.Now()
	err = gocmd.Lines(cmd, func(line string) {
		printed.WriteString(line + "\n")
		if m := status.FindStringSubmatch(line); m != nil && r.Progress != nil {
			r.Progress(number(m[1]), number(m[2]))
		}
	})
	res := readResult(printed.String())
	res.Target = f.Target
	res.Seconds = time.Since(start).Seconds()
	if s := cmd.ProcessState; s != nil {
		res.CPU = s.UserTime() + s.SystemTime()
	}
	var exit *exec.ExitError
	switch {
	case ctx.Err() != nil:
		return res, ctx.Err()
	case errors.As(err, &exit):
		res.Failed = true
		res.Report = cmp.Or(res.Report, err.Error())
		return res, nil
	}
	return res, err
}

func number(digits string) int {
	n, _ := strconv.Atoi(digits)
	return n
}

// readResult reads what a fuzzer has printed.
func readResult(text string) Result {
	last := func(re *regexp.Regexp) string { // what re captures in the last place
		value := ""
		for _, m := range re.FindAllStringSubmatch(text, -1) {
			value = m[1]
		}
		return value
	}
	var lines []string
	if m := report.FindStringSubmatch(text); m != nil {
		lines = strings.Split(strings.TrimSpace(m[1]), "\n")
	}
	return Result{
		Executions: number(cmp.Or(last(executed), last(done), last(status))),
		PerSecond:  number(last(perSec)),
		First:      number(last(inited)),
		Last:       number(last(edges)),
		Crash:      last(artifact),
		Report:     strings.Join(lines[:min(80, len(lines))], "\n"),
		Group:      groupOf(text),
		Done:       done.MatchString(text),
	}
}

// options are the flags that the .options file next to the fuzzer asks for.
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

// unpackSeeds unpacks the fuzzer's seed corpus.
func (f *Fuzzer) unpackSeeds() error {
	archive, err := zip.OpenReader(f.binary() + "_seed_corpus.zip")
	if err != nil {
		return err
	}
	defer archive.Close()
	f.seeds = len(archive.File)
	return os.CopyFS(f.seedDir(), archive)
}
