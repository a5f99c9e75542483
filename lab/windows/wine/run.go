package wine

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"
)

// Command is one run of a program.
type Command struct {
	Program string // path of the executable file
	Args    []string
	Dir     string // working directory, in which the output of the program is kept, too
	Stdin   []byte
	Limit   time.Duration // after which the program and the processes that it started are ended
}

// Result is what can be observed of a run from outside.
type Result struct {
	Stdout, Stderr string
	Exit           int     // exit code, -1 if a signal ended the program
	TimedOut       bool    // the time limit was reached
	LeftRunning    bool    // the program has ended, and has left another process running
	Seconds        float64 // from the start to the end of the program
	Memory         int64   // peak memory of the program in bytes, 0 if it is not known
}

// Run runs a program until it ends or its time limit is reached, and then ends
// all processes that it has left running. A program that fails, or reaches the
// limit, is no error: the errors are those of starting it, of ctx and of reading
// its output.
func (h *Host) Run(ctx context.Context, c Command) (Result, error) {
	ctx, cancel := context.WithTimeout(ctx, c.Limit)
	defer cancel()
	cmd := h.command(ctx, c.Program, c.Args...)
	if !native {
		cmd = h.command(ctx, h.wine, append([]string{c.Program}, c.Args...)...)
	}
	cmd.Dir = c.Dir
	cmd.Stdin = bytes.NewReader(c.Stdin)
	// Files, because a pipe stays open as long as a process that was left running has it.
	out, err1 := os.Create(filepath.Join(c.Dir, "stdout.txt"))
	errs, err2 := os.Create(filepath.Join(c.Dir, "stderr.txt"))
	if err := errors.Join(err1, err2); err != nil {
		return Result{}, fmt.Errorf("running %s: %w", c.Program, err)
	}
	defer out.Close()
	defer errs.Close()
	cmd.Stdout, cmd.Stderr = out, errs
	cmd.Cancel = func() error { return endGroup(cmd) }
	cmd.WaitDelay = time.Second // for a program that does not read its stdin
	start := time.Now()
	err := cmd.Run()
	if cmd.Process == nil {
		return Result{}, fmt.Errorf("running %s: %w", c.Program, err)
	}
	r := Result{Exit: cmd.ProcessState.ExitCode(), Seconds: time.Since(start).Seconds(),
		Memory: peakMemory(cmd.ProcessState)}
	r.TimedOut = errors.Is(ctx.Err(), context.DeadlineExceeded)
	r.LeftRunning = !r.TimedOut && groupLives(cmd)
	_ = endGroup(cmd) // all of them may have ended
	switch {
	case errors.Is(ctx.Err(), context.Canceled):
		return r, ctx.Err()
	case err != nil && !errors.As(err, new(*exec.ExitError)) && !errors.Is(err, exec.ErrWaitDelay) && !r.TimedOut:
		return r, fmt.Errorf("running %s: %w", c.Program, err)
	}
	outText, err1 := os.ReadFile(out.Name())
	errText, err2 := os.ReadFile(errs.Name())
	r.Stdout, r.Stderr = string(outText), string(errText)
	return r, errors.Join(err1, err2)
}

// Lock takes the exclusive lock on a file, which it creates if necessary. It does
// not wait: it returns an error if another process has the lock. The lock ends
// with release, or with the process.
func Lock(name string) (release func(), err error) {
	lock := flock.New(name)
	locked, err := lock.TryLock()
	if err == nil && !locked {
		err = errors.New("another process has the lock")
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, errors.Join(err, lock.Close()))
	}
	return func() { _ = lock.Close() }, nil // nothing was written to the file
}
