package windows

import (
	"errors"
	"testing"

	"github.com/Microsoft/hcsshim/cmd/containerd-shim-runhcs-v1/options"

	"shimfuzz/internal/contract"
	"shimfuzz/internal/grammar"
	"shimfuzz/lab/windows/calls"
	"shimfuzz/lab/windows/wine"
)

// What a run of serve shows, by its output and exit code.
func TestRead(t *testing.T) {
	for _, test := range []struct {
		name    string
		program Program
		run     wine.Result
		want    Behavior
	}{
		{"accepted", RunHCS, wine.Result{Stdout: "socket is required to be pipe address\n", Exit: 1},
			Behavior{Kind: Accepted}},
		{"refused", RunHCS,
			wine.Result{Stderr: "failed to read shim options from stdin: failed unmarshalling into Any: " +
				"proto:\u00a0bad\n", Exit: 1},
			Behavior{Kind: Refused, Text: "failed unmarshalling into Any: proto: bad"}},
		{"level", RunHCS,
			wine.Result{Stderr: "failed to parse shim log level \"a\\x00\\\"b\": not a valid logrus Level: \"…\"\n",
				Exit: 1},
			Behavior{Kind: InvalidLevel, Text: "a\x00\"b"}},
		{"level that looks like another error", RunHCS,
			wine.Result{Stderr: "failed to parse shim log level \"socket is required to be pipe address\": no\n",
				Exit: 1},
			Behavior{Kind: InvalidLevel, Text: "socket is required to be pipe address"}},
		{"Debug and LogLevel", RunHCS,
			wine.Result{Stderr: "time=\"…\" level=warning msg=\"Both Debug and LogLevel specified, …\"\n",
				Stdout: "socket is required to be pipe address\n", Exit: 1},
			Behavior{Kind: Accepted, WarnsOfDebug: true}},
		{"panicked", RunHCS, wine.Result{Stderr: "panic: interface conversion: x\n\ngoroutine 1 [running]:\n", Exit: 2},
			Behavior{Kind: Panicked, Text: "interface conversion: x"}},
		{"out of memory", RunHCS, wine.Result{Stderr: "runtime: …\nfatal error: out of memory\n", Exit: 2},
			Behavior{Kind: Panicked, Text: "out of memory"}},
		{"hung", RunHCS, wine.Result{TimedOut: true, Exit: -1}, Behavior{Kind: Hung}},
		{"no output", RunHCS, wine.Result{Exit: 1}, Behavior{Kind: Unrecognized, Text: `exit code 1, printed ""`}},
		{"exit code 0", RunHCS, wine.Result{Stdout: "socket is required to be pipe address\n"},
			Behavior{Kind: Unrecognized, Text: `exit code 0, printed "socket is required to be pipe address\n"`}},
		{"lcow accepted", LCOW, wine.Result{Stdout: "containerd-shim-lcow-v2: Windows version [7601] is not supported",
			Exit: 1}, Behavior{Kind: Accepted}},
		{"lcow refused", LCOW, wine.Result{Stdout: "containerd-shim-lcow-v2: failed to unmarshal bootstrap params: x",
			Exit: 1}, Behavior{Kind: Refused, Text: "x"}},
		{"lcow level", LCOW, wine.Result{Stdout: "containerd-shim-lcow-v2: failed to parse shim log level \"x\": no",
			Exit: 1}, Behavior{Kind: InvalidLevel, Text: "x"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := test.program.Read(test.run); got != test.want {
				t.Errorf("Read = %v, want %v", got, test.want)
			}
		})
	}
}

// What a run of start shows of serve.
func TestReadStart(t *testing.T) {
	for _, test := range []struct {
		name     string
		run      wine.Result
		panicLog string
		want     Behavior
	}{
		{"still running", wine.Result{LeftRunning: true}, "", Behavior{Kind: Accepted}},
		{"ended without any output", wine.Result{}, "", Behavior{Kind: Unrecognized, Text: `exit code 1, printed ""`}},
		{"refused", wine.Result{}, "failed to read shim options from stdin: x\n", Behavior{Kind: Refused, Text: "x"}},
		{"refused, though a process remains", wine.Result{LeftRunning: true},
			"failed to read shim options from stdin: x\n", Behavior{Kind: Refused, Text: "x"}},
		{"panicked", wine.Result{}, "panic: x\n\ngoroutine 1 [running]:\n", Behavior{Kind: Panicked, Text: "x"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := RunHCS.ReadStart(test.run, test.panicLog); got != test.want {
				t.Errorf("ReadStart = %v, want %v", got, test.want)
			}
		})
	}
}

// What a reply of the client shows of Create.
func TestReadCreate(t *testing.T) {
	shim := calls.Answer{Pid: 7}
	for _, test := range []struct {
		name  string
		shim  calls.Answer
		reply calls.Reply
		want  Behavior
	}{
		{"accepted", shim,
			calls.Reply{Create: calls.Answer{Err: `desc = open Z:\b\missing\config.json: Path not found.`},
				Again: shim}, Behavior{Kind: Accepted}},
		{"refused", shim, calls.Reply{Create: calls.Answer{Err: "proto:\u00a0bad\nmore"}, Again: shim},
			Behavior{Kind: Refused, Text: "proto: bad"}},
		{"panicked", shim, calls.Reply{Create: calls.Answer{Err: "closed", Closed: true},
			Again: calls.Answer{Err: "gone"}, Exit: 2, PanicLog: "x\npanic: y [recovered, repanicked]\n"},
			Behavior{Kind: Panicked, Text: "y"}},
		{"ended otherwise", shim, calls.Reply{Create: calls.Answer{Err: "closed", Closed: true},
			Again: calls.Answer{Err: "gone"}, Exit: 1, PanicLog: "x"},
			Behavior{Kind: Unrecognized, Text: "connection closed, exit code 1: x"}},
		{"refused and ended", shim, calls.Reply{Create: calls.Answer{Err: "bad"}, Again: calls.Answer{Err: "gone"}},
			Behavior{Kind: Unrecognized, Text: `answered "bad", and then Connect with "gone"`}},
		{"refused and another shim", shim, calls.Reply{Create: calls.Answer{Err: "bad"}, Again: calls.Answer{Pid: 8}},
			Behavior{Kind: Unrecognized, Text: `answered "bad", and then Connect with ""`}},
		{"created", shim, calls.Reply{Create: calls.Answer{Pid: 9}, Again: shim},
			Behavior{Kind: Unrecognized, Text: "created a container"}},
		{"no shim", calls.Answer{Err: "gone"}, calls.Reply{}, Behavior{Kind: Unrecognized,
			Text: "start gave no shim that answers: gone"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := ReadCreate(test.shim, test.reply); got != test.want {
				t.Errorf("ReadCreate = %v, want %v", got, test.want)
			}
		})
	}
}

// What runhcs-v1 does after an answer of readOptions.
func TestServeAfter(t *testing.T) {
	sent := func(o *options.Options) contract.Outcome { return grammar.Sent(o) }
	for _, test := range []struct {
		name   string
		answer contract.Outcome
		want   Behavior
	}{
		{"none", sent(nil), Behavior{Kind: Accepted}},
		{"options", sent(&options.Options{Debug: true}), Behavior{Kind: Accepted}},
		{"valid level", sent(&options.Options{LogLevel: "WARN"}), Behavior{Kind: Accepted}},
		{"invalid level", sent(&options.Options{LogLevel: "warn "}), Behavior{Kind: InvalidLevel, Text: "warn "}},
		{"Debug and LogLevel", sent(&options.Options{LogLevel: "x", Debug: true}),
			Behavior{Kind: InvalidLevel, Text: "x", WarnsOfDebug: true}},
		{"file", sent(&options.Options{DebugType: options.Options_FILE}), Behavior{Kind: Panicked,
			Text: "file log output mode is not supported"}},
		{"file and an invalid level", sent(&options.Options{DebugType: options.Options_FILE, LogLevel: "x"}),
			Behavior{Kind: InvalidLevel, Text: "x"}},
		{"error", contract.Outcome{Kind: contract.Error, Err: errors.New("a\nb")}, Behavior{Kind: Refused, Text: "a"}},
		{"options and an error", contract.Outcome{Kind: contract.OptionsAndError, Options: &options.Options{},
			Err: errors.New("a")}, Behavior{Kind: Refused, Text: "a"}},
		{"panic", contract.Outcome{Kind: contract.Panic, Panic: "a\nmain.f()"}, Behavior{Kind: Panicked, Text: "a"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := ServeAfter(test.answer); got != test.want {
				t.Errorf("ServeAfter = %v, want %v", got, test.want)
			}
		})
	}
}

// What lcow-v2 does after an answer of its decoder.
func TestLCOWAfter(t *testing.T) {
	for _, test := range []struct {
		name   string
		answer contract.Outcome
		want   Behavior
	}{
		{"none", grammar.Sent(nil), Behavior{Kind: Accepted}},
		{"valid level", grammar.Sent(&options.Options{LogLevel: "Trace"}), Behavior{Kind: Accepted}},
		{"invalid level", grammar.Sent(&options.Options{LogLevel: "x", Debug: true}),
			Behavior{Kind: InvalidLevel, Text: "x"}},
		{"file", grammar.Sent(&options.Options{DebugType: options.Options_FILE}), Behavior{Kind: Accepted}},
		{"error", contract.Outcome{Kind: contract.Error, Err: errors.New("a")}, Behavior{Kind: Refused}},
		{"malformed", contract.Outcome{Kind: contract.Malformed}, Behavior{Kind: Refused}},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := LCOWAfter(test.answer); got != test.want {
				t.Errorf("LCOWAfter = %v, want %v", got, test.want)
			}
		})
	}
}
