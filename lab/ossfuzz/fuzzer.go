package ossfuzz

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"shimfuzz/internal/gocmd"
	"shimfuzz/internal/settings"
	"shimfuzz/lab/workspace"
)

// fuzzer is a target that build.sh has made, in the folder that it was moved to.
type fuzzer struct {
	dir, target string
	found       string // folder for inputs that make it fail, which outlives the next build
	seeds       int    // files in its seedDir
}

func (f fuzzer) binary() string  { return filepath.Join(f.dir, f.target) }
func (f fuzzer) seedDir() string { return filepath.Join(f.dir, "corpora", f.target) }

// asanCalls counts the calls to AddressSanitizer in the binary.
func (f fuzzer) asanCalls(ctx context.Context) (int, error) {
	const script = `objdump -dC --no-show-raw-insn "$0" | grep -c "call .*<__asan"`
	out, _, err := workspace.Try(gocmd.Command(ctx, f.dir, "bash", "-c", script, f.binary()))
	calls, _ := strconv.Atoi(strings.TrimSpace(out)) // grep prints a number
	return calls, err
}

// asanOptions are those of the runner, which are ClusterFuzz's.
const asanOptions = "alloc_dealloc_mismatch=0:allocator_may_return_null=1:allocator_release_to_os_interval_ms=500:" +
	"check_malloc_usable_size=0:detect_container_overflow=1:detect_odr_violation=0:detect_leaks=1:" +
	"detect_stack_use_after_return=1:fast_unwind_on_fatal=0:handle_abort=1:handle_segv=1:handle_sigill=1:" +
	"max_uar_stack_size_log=16:print_scariness=1:quarantine_size_mb=10:strict_memcmp=1:" +
	"strip_path_prefix=/workspace/:symbolize=1:use_sigaltstack=1:dedup_token_length=3"

// fuzz runs a fuzzer for a time, or until it finds something, from the seeds in these folders.
func (f fuzzer) fuzz(ctx context.Context, s settings.Test, budget time.Duration, seeds ...string) (result, error) {
	grown, err := os.MkdirTemp(f.dir, "grown-")
	if err != nil {
		return result{}, err
	}
	limit := fmt.Sprintf("-max_total_time=%d", max(1, int(budget.Seconds())))
	return f.run(ctx, s, append([]string{limit, grown}, seeds...)...)
}

// run runs the fuzzer as the runner does: with the options, limits and dictionary that
// stand next to it, in its own folder, with nothing on stdin.
func (f fuzzer) run(ctx context.Context, s settings.Test, args ...string) (result, error) {
	options, err := os.ReadFile(f.binary() + ".options")
	if err != nil {
		return result{}, err
	}
	if err := os.MkdirAll(f.found, 0o777); err != nil {
		return result{}, err
	}
	flags := []string{"-rss_limit_mb=2560", "-timeout=25", "-print_final_stats=1",
		"-artifact_prefix=" + f.found + string(filepath.Separator)}
	for _, option := range option.FindAllStringSubmatch(string(options), -1) {
		flags = append(flags, "-"+option[1]+"="+option[2])
	}
	cmd := gocmd.Command(ctx, f.dir, f.binary(), append(flags, args...)...)
	cmd.Env = append(os.Environ(), "ASAN_OPTIONS="+asanOptions, s.Environ())
	printed, failed, err := workspace.Try(cmd)
	if ctx.Err() != nil {
		return result{}, ctx.Err()
	}
	r := readResult(printed)
	if r.failed = failed; failed {
		r.report = cmp.Or(r.report, tail(printed, 20))
	}
	return r, err
}

// result is what a fuzzer said of a run.
type result struct {
	executions  int
	inputs      int    // the seeds that it has run, and an empty input
	first, last int    // coverage, in edges: after the seeds, and at the end
	crash       string // the file with the input that made it fail, if there is one
	report      string // of the failure
	group       string // that ClusterFuzz puts the failure into
	failed      bool   // it ended with an exit code other than 0
}

var (
	option   = regexp.MustCompile(`(?m)^(\w+) = (.*)$`) // of a .options file
	inited   = regexp.MustCompile(`(?m)^#(\d+)\tINITED +cov: (\d+)`)
	status   = regexp.MustCompile(`(?ms).*^#\d+\t\w+ +cov: (\d+)`) // the last
	executed = regexp.MustCompile(`(?m)^stat::number_of_executed_units: +(\d+)`)
	artifact = regexp.MustCompile(`(?m)Test unit written to (.*)$`)
	// report ends where the engine's own stack begins.
	report = regexp.MustCompile(`(?ms)^((?:panic: |fatal error: |[^\n]*ERROR: ).*?)(?:^goroutine |^SUMMARY: |\z)`)
	// ending is what ClusterFuzz tells a panic by: its message, which it compares exactly for
	// its FuzzerHash=, and the function at the top of its stack.
	ending = regexp.MustCompile(`(?s)panic: (FuzzerHash=[^\n]*)\n.*?\ngoroutine [^\n]*:\n[\w/]*/(libfuzzer\.end)\(`)
)

// readResult reads what a fuzzer has printed.
func readResult(text string) result {
	find := func(what *regexp.Regexp, group int) string {
		if m := what.FindStringSubmatch(text); m != nil {
			return m[group]
		}
		return ""
	}
	number := func(what *regexp.Regexp, group int) int {
		n, _ := strconv.Atoi(find(what, group)) // it is digits, or 0 where it is not there
		return n
	}
	lines := strings.Split(strings.TrimSpace(find(report, 1)), "\n")
	return result{executions: number(executed, 1), inputs: number(inited, 1), first: number(inited, 2),
		last: number(status, 1), crash: find(artifact, 1), group: find(ending, 1),
		report: strings.Join(lines[:min(80, len(lines))], "\n")}
}
