package e2e

import (
	"errors"
	"testing"

	"github.com/Microsoft/hcsshim/cmd/containerd-shim-runhcs-v1/options"

	"shimfuzz/internal/contract"
	"shimfuzz/internal/e2e/wine"
	"shimfuzz/internal/payload"
)

func TestRead(t *testing.T) {
	for _, test := range []struct {
		name    string
		program Program
		run     wine.Result
		want    Verdict
	}{
		{"accepted", RunhcsV1, wine.Result{Stdout: "socket is required to be pipe address\n", Exit: 1}, Verdict{Kind: Accepted}},
		{"refused", RunhcsV1, wine.Result{Stderr: "failed to read shim options from stdin: failed unmarshalling into Any: proto:\u00a0bad\n", Exit: 1},
			Verdict{Kind: Refused, Text: "failed unmarshalling into Any: proto: bad"}},
		{"level", RunhcsV1, wine.Result{Stderr: "failed to parse shim log level \"a\\x00\\\"b\": not a valid logrus Level: \"…\"\n", Exit: 1},
			Verdict{Kind: Level, Text: "a\x00\"b"}},
		{"level that looks like another answer", RunhcsV1, wine.Result{Stderr: "failed to parse shim log level \"socket is required to be pipe address\": no\n", Exit: 1},
			Verdict{Kind: Level, Text: "socket is required to be pipe address"}},
		{"both", RunhcsV1, wine.Result{Stderr: "time=\"…\" level=warning msg=\"Both Debug and LogLevel specified, …\"\n", Stdout: "socket is required to be pipe address\n", Exit: 1},
			Verdict{Kind: Accepted, Both: true}},
		{"panicked", RunhcsV1, wine.Result{Stderr: "panic: interface conversion: x\n\ngoroutine 1 [running]:\n", Exit: 2},
			Verdict{Kind: Panicked, Text: "interface conversion: x"}},
		{"out of memory", RunhcsV1, wine.Result{Stderr: "runtime: …\nfatal error: out of memory\n", Exit: 2}, Verdict{Kind: Panicked, Text: "out of memory"}},
		{"hung", RunhcsV1, wine.Result{Late: true, Exit: -1}, Verdict{Kind: Hung}},
		{"said nothing", RunhcsV1, wine.Result{Exit: 1}, Verdict{Kind: Odd, Text: `exit code 1, printed ""`}},
		{"ended well", RunhcsV1, wine.Result{Stdout: "socket is required to be pipe address\n"},
			Verdict{Kind: Odd, Text: `exit code 0, printed "socket is required to be pipe address\n"`}},
		{"lcow accepted", LcowV2, wine.Result{Stdout: "containerd-shim-lcow-v2: Windows version [7601] is not supported", Exit: 1}, Verdict{Kind: Accepted}},
		{"lcow refused", LcowV2, wine.Result{Stdout: "containerd-shim-lcow-v2: failed to unmarshal bootstrap params: x", Exit: 1}, Verdict{Kind: Refused, Text: "x"}},
		{"lcow level", LcowV2, wine.Result{Stdout: "containerd-shim-lcow-v2: failed to parse shim log level \"x\": no", Exit: 1}, Verdict{Kind: Level, Text: "x"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := test.program.Read(test.run); got != test.want {
				t.Errorf("Read = %v, want %v", got, test.want)
			}
		})
	}
}

func TestReadStart(t *testing.T) {
	for _, test := range []struct {
		name     string
		run      wine.Result
		panicLog string
		want     Verdict
	}{
		{"serving", wine.Result{Left: true}, "", Verdict{Kind: Accepted}},
		{"gone without a word", wine.Result{}, "", Verdict{Kind: Odd, Text: `exit code 1, printed ""`}},
		{"refused", wine.Result{}, "failed to read shim options from stdin: x\n", Verdict{Kind: Refused, Text: "x"}},
		{"refused, though a process remains", wine.Result{Left: true}, "failed to read shim options from stdin: x\n", Verdict{Kind: Refused, Text: "x"}},
		{"panicked", wine.Result{}, "panic: x\n\ngoroutine 1 [running]:\n", Verdict{Kind: Panicked, Text: "x"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := RunhcsV1.ReadStart(test.run, test.panicLog); got != test.want {
				t.Errorf("ReadStart = %v, want %v", got, test.want)
			}
		})
	}
}

func TestServeAfter(t *testing.T) {
	sent := func(o *options.Options) contract.Outcome { return payload.Sent(o) }
	for _, test := range []struct {
		name   string
		answer contract.Outcome
		want   Verdict
	}{
		{"none", sent(nil), Verdict{Kind: Accepted}},
		{"options", sent(&options.Options{Debug: true}), Verdict{Kind: Accepted}},
		{"level of logrus", sent(&options.Options{LogLevel: "WARN"}), Verdict{Kind: Accepted}},
		{"no level of logrus", sent(&options.Options{LogLevel: "warn "}), Verdict{Kind: Level, Text: "warn "}},
		{"both", sent(&options.Options{LogLevel: "x", Debug: true}), Verdict{Kind: Level, Text: "x", Both: true}},
		{"file", sent(&options.Options{DebugType: options.Options_FILE}), Verdict{Kind: Panicked, Text: "file log output mode is not supported"}},
		{"file and no level", sent(&options.Options{DebugType: options.Options_FILE, LogLevel: "x"}), Verdict{Kind: Level, Text: "x"}},
		{"error", contract.Outcome{Kind: contract.Error, Err: errors.New("a\nb")}, Verdict{Kind: Refused, Text: "a"}},
		{"options and an error", contract.Outcome{Kind: contract.OptionsAndError, Options: &options.Options{}, Err: errors.New("a")}, Verdict{Kind: Refused, Text: "a"}},
		{"panic", contract.Outcome{Kind: contract.Panic, Panic: "a\nmain.f()"}, Verdict{Kind: Panicked, Text: "a"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := ServeAfter(test.answer); got != test.want {
				t.Errorf("ServeAfter = %v, want %v", got, test.want)
			}
		})
	}
}
