//go:build !windows

package wine

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"
)

// Run tells what a program did, and leaves none running: with shell scripts where Wine would
// run programs. The user's own settings of Wine do not reach them, all others do.
func TestRun(t *testing.T) {
	t.Setenv("WINEARCH", "win32")
	t.Setenv("SHIMFUZZ_TEST", "x")
	h := &Host{wine: "/bin/sh", prefix: "/prefix"}
	for _, test := range []struct {
		name, script, stdin string
		limit               time.Duration
		want                Result
	}{
		{"output", "echo out; echo err >&2; exit 3", "", time.Minute,
			Result{Stdout: "out\n", Stderr: "err\n", Exit: 3}},
		{"input", "cat", "a\x00b", time.Minute, Result{Stdout: "a\x00b"}},
		{"input is not read", "exit 1", strings.Repeat("x", 1<<20), time.Minute, Result{Exit: 1}},
		{"settings", "echo $WINEARCH $WINEPREFIX $SHIMFUZZ_TEST", "", time.Minute, Result{Stdout: "/prefix x\n"}},
		{"a process is left running", "sleep 60 & echo started", "", time.Minute,
			Result{Stdout: "started\n", LeftRunning: true}},
		{"ended by a signal", "kill -9 $$", "", time.Minute, Result{Exit: -1}},
		{"time limit", "sleep 60 & sleep 60", "", 100 * time.Millisecond, Result{Exit: -1, TimedOut: true}},
	} {
		got, err := h.Run(context.Background(), Command{Program: "-c", Args: []string{test.script}, Dir: t.TempDir(),
			Stdin: []byte(test.stdin), Limit: test.limit})
		if err != nil || got != test.want {
			t.Errorf("%s: %+v, %v; want %+v", test.name, got, err, test.want)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	time.AfterFunc(100*time.Millisecond, cancel)
	if _, err := h.Run(ctx, Command{Program: "-c", Args: []string{"sleep 60"}, Dir: t.TempDir(),
		Limit: time.Minute}); !errors.Is(err, context.Canceled) {
		t.Errorf("an interrupt: %v, want %v", err, context.Canceled)
	}
}
