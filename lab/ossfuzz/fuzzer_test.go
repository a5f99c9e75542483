package ossfuzz

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"shimfuzz/internal/hcsshim/extract"
)

func TestReadResult(t *testing.T) {
	for name, tc := range map[string]struct {
		out  string
		want result
	}{
		"a run that ends": {`#576	INITED cov: 3542 ft: 7804 corp: 184/84Kb exec/s: 0 rss: 64Mb
#577	NEW    cov: 3550 ft: 7805 corp: 185/84Kb lim: 20268 exec/s: 0 rss: 64Mb L: 8/20121 MS: 1 -
#1024	DONE   cov: 3551 ft: 7805 corp: 185/84Kb lim: 20268 exec/s: 0 rss: 64Mb
Done 1030 runs in 1 second(s)
stat::number_of_executed_units: 1030
`, result{executions: 1030, inputs: 576, first: 3542, last: 3551}},
		"a failing input": {`#2	INITED cov: 638 ft: 638 corp: 1/1b exec/s: 0 rss: 48Mb
panic: FuzzerHash=as-sent: none for options
	got        none
	
goroutine 17 [running, locked to thread]:
shimfuzz/fuzz/libfuzzer.end()
main.LLVMFuzzerTestOneInput(...)
==1== ERROR: libFuzzer: deadly signal
    #0 0x1 in __sanitizer_print_stack_trace
SUMMARY: libFuzzer: deadly signal
artifact_prefix='kept/'; Test unit written to kept/crash-1
stat::number_of_executed_units: 2
`, result{executions: 2, inputs: 2, first: 638, last: 638, crash: "kept/crash-1",
			report: "panic: FuzzerHash=as-sent: none for options\n\tgot        none",
			group:  "FuzzerHash=as-sent: none for options"}},
		"a panic in the decoder": {`panic: no
	panic: FuzzerHash=never-panics: panic in extracted.readOptions

goroutine 17 [running, locked to thread]:
shimfuzz/fuzz/libfuzzer.end()
shimfuzz/fuzz/libfuzzer.fail()
panic({0x1?, 0x2?})
shimfuzz/extracted.readOptions({0x1, 0x2})
`, result{report: "panic: no\n\tpanic: FuzzerHash=never-panics: panic in extracted.readOptions",
			group: "FuzzerHash=never-panics: panic in extracted.readOptions"}},
		"a panic of another function": {`panic: FuzzerHash=as-sent: none for options

goroutine 17 [running, locked to thread]:
main.other()
`, result{report: "panic: FuzzerHash=as-sent: none for options"}},
		"out of memory": {`==1== ERROR: libFuzzer: out-of-memory (used: 2561Mb; limit: 2560Mb)
SUMMARY: libFuzzer: out-of-memory
artifact_prefix='kept/'; Test unit written to kept/oom-1
`, result{crash: "kept/oom-1", report: "==1== ERROR: libFuzzer: out-of-memory (used: 2561Mb; limit: 2560Mb)"}},
	} {
		if diff := cmp.Diff(tc.want, readResult(tc.out), cmp.AllowUnexported(result{})); diff != "" {
			t.Errorf("%s (- want, + got):\n%s", name, diff)
		}
	}
}

// The builder's environment has nothing of the user's choices: make hands them
// on to the make in build.sh, where they would win over its own. And what the
// builder sets is not the user's: build.sh removes folders below $WORK.
func TestEnvironment(t *testing.T) {
	for _, name := range []string{"SHIMFUZZ", "HCSSHIM", "ENTRY", "FINDINGS", "MAKEFLAGS", "MAKEOVERRIDES", "MFLAGS",
		"MAKELEVEL", "GOFLAGS", "GOWORK", "GOTOOLCHAIN", "GOROOT", "GOOS", "GOARCH", "SRC", "OUT", "WORK", "CC", "CXX",
		"CFLAGS", "CXXFLAGS", "LIB_FUZZING_ENGINE", "SANITIZER", "FUZZING_ENGINE", "ARCHITECTURE", "FUZZING_LANGUAGE"} {
		t.Setenv(name, "user's")
	}
	last := make(map[string]string)
	for _, v := range (&builder{Build: new(extract.Build), dir: "d", sanitizer: "address"}).environment() {
		name, value, _ := strings.Cut(v, "=")
		last[name] = value
	}
	for name, value := range last {
		if value == "user's" {
			t.Errorf("%s is the user's in the builder's environment", name)
		}
	}
	if got, bin := last["PATH"], filepath.Join("d", "bin"); !strings.HasPrefix(got, bin) {
		t.Errorf("PATH is %q, want it to begin with %q", got, bin)
	}
}
