package wine

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
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
	Exit           int  // exit code, -1 if a signal ended the program
	TimedOut       bool // the time limit was reached
	LeftRunning    bool // the program has ended, and has left another process running
}

// Run runs a program until it ends or its time limit is reached, and then ends
// all processes that it has left running. A program that fails, or reaches the
// limit, is no error: the errors are those of starting it, of ctx and of reading
// its output.
func (h *Host) Run(ctx context.Context, c Command) (Result, error) {
	ctx, cancel := context.WithTimeout(ctx, c.Limit)
	defer cancel()
	line := append([]string{h.wine, c.Program}, c.Args...)
	if native {
		line = line[1:]
	}
	cmd := h.command(ctx, line[0], line[1:]...)
	cmd.Dir = c.Dir
	cmd.Stdin = bytes.NewReader(c.Stdin)
	// Files, because a pipe stays open as long as a process that was left running has it.
	out, err1 := os.Create(filepath.Join(c.Dir, "stdout.txt"))
	errs, err2 := os.Create(filepath.Join(c.Dir, "stderr.txt"))
	defer out.Close()
	defer errs.Close()
	cmd.Stdout, cmd.Stderr = out, errs
	cmd.Cancel = func() error { return endGroup(cmd) }
	cmd.WaitDelay = time.Second // for a program that does not read its stdin
	err := errors.Join(err1, err2)
	if err == nil {
		err = cmd.Run()
	}
	if cmd.ProcessState == nil {
		return Result{}, fmt.Errorf("running %s: %w", c.Program, err)
	}
	r := Result{Exit: cmd.ProcessState.ExitCode(), TimedOut: errors.Is(ctx.Err(), context.DeadlineExceeded)}
	r.LeftRunning = !r.TimedOut && groupLives(cmd)
	_ = endGroup(cmd) // all of them may have ended
	if errors.Is(ctx.Err(), context.Canceled) {
		return r, ctx.Err()
	}
	outText, err1 := os.ReadFile(out.Name())
	errText, err2 := os.ReadFile(errs.Name())
	r.Stdout, r.Stderr = string(outText), string(errText)
	return r, errors.Join(err1, err2)
}
