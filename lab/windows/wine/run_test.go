//go:build !windows

package wine

import (
	"context"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"github.com/gofrs/flock"
)

// sh is a host that runs shell scripts where Wine would run programs.
var sh = &Host{wine: "/bin/sh"}

func script(t *testing.T, text string) Command {
	return Command{Program: "-c", Args: []string{text}, Dir: t.TempDir(), Limit: time.Minute}
}

func TestRun(t *testing.T) {
	for _, test := range []struct {
		name, script, stdin string
		want                Result
	}{
		{"output", "echo out; echo err >&2; exit 3", "", Result{Stdout: "out\n", Stderr: "err\n", Exit: 3}},
		{"input", "cat", "a\x00b", Result{Stdout: "a\x00b"}},
		{"input is not read", "exit 1", string(make([]byte, 1<<20)), Result{Exit: 1}},
		{"a process is left running", "sleep 60 & echo started", "", Result{Stdout: "started\n", LeftRunning: true}},
		{"ended by a signal", "kill -9 $$", "", Result{Exit: -1}},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := script(t, test.script)
			c.Stdin = []byte(test.stdin)
			got, err := sh.Run(context.Background(), c)
			if err != nil {
				t.Fatal(err)
			}
			if got.Seconds <= 0 || got.Seconds > 30 {
				t.Errorf("it took %v s", got.Seconds)
			}
			got.Seconds, got.Memory = 0, 0
			if got != test.want {
				t.Errorf("Run = %+v, want %+v", got, test.want)
			}
		})
	}
}

// A program that reaches its limit is ended, with the processes that it started.
func TestRunTimesOut(t *testing.T) {
	c := script(t, "sleep 60 & sleep 60")
	c.Limit = 100 * time.Millisecond
	got, err := sh.Run(context.Background(), c)
	if err != nil || !got.TimedOut || got.LeftRunning || got.Seconds > 30 {
		t.Errorf("Run = %+v, %v", got, err)
	}
}

func TestRunErrors(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	time.AfterFunc(100*time.Millisecond, cancel)
	if _, err := sh.Run(ctx, script(t, "sleep 60")); !errors.Is(err, context.Canceled) {
		t.Errorf("an interrupt: %v, want %v", err, context.Canceled)
	}
	if _, err := (&Host{wine: "/missing"}).Run(context.Background(), script(t, "")); err == nil {
		t.Error("a program that cannot be started: no error")
	}
	c := script(t, "")
	c.Dir += "/missing"
	if _, err := sh.Run(context.Background(), c); err == nil {
		t.Error("a working directory that does not exist: no error")
	}
}

// The lock of a prefix is shared by those who use it, and exclusive for the one
// who creates it, also if that one had shared it before.
func TestSharedLock(t *testing.T) {
	name := filepath.Join(t.TempDir(), "lock")
	one, two := flock.New(name), flock.New(name)
	defer one.Close()
	defer two.Close()
	for _, lock := range []*flock.Flock{one, two} {
		if ok, err := lock.TryRLock(); !ok || err != nil {
			t.Fatalf("sharing: %v, %v", ok, err)
		}
	}
	if ok, err := one.TryLock(); ok || err != nil {
		t.Errorf("the exclusive lock while another shares it: %v, %v", ok, err)
	}
	if err := two.Unlock(); err != nil {
		t.Fatal(err)
	}
	if ok, err := one.TryLock(); !ok || err != nil {
		t.Errorf("the exclusive lock while no other shares it: %v, %v", ok, err)
	}
	if ok, err := two.TryRLock(); ok || err != nil {
		t.Errorf("sharing while another has the exclusive lock: %v, %v", ok, err)
	}
}
