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
)

// Command is one run of a program.
type Command struct {
	Program string
	Args    []string
	Dir     string // working directory; what the program prints is kept there, too
	Stdin   []byte
	Limit   time.Duration // after which the program and what it started are ended
}

// Result is what can be seen of a run from outside.
type Result struct {
	Stdout, Stderr string
	Exit           int
	Late           bool // the limit was reached
	Left           bool // the program has ended, and left another one running
	Seconds        float64
	Memory         int64 // the most that the program had in memory, in bytes; 0 where that is not known
}

// Run runs a program to its end or its limit, and then ends whatever it has
// left running.
func (h *Host) Run(ctx context.Context, c Command) (Result, error) {
	ctx, cancel := context.WithTimeout(ctx, c.Limit)
	defer cancel()
	cmd := exec.CommandContext(ctx, c.Program, c.Args...)
	if !native {
		cmd = exec.CommandContext(ctx, h.wine, append([]string{c.Program}, c.Args...)...)
	}
	cmd.Dir, cmd.Env = c.Dir, h.environ()
	cmd.Stdin = bytes.NewReader(c.Stdin)
	// Files, because a pipe stays open for as long as anybody has it.
	stdout, stderr := filepath.Join(c.Dir, "stdout.txt"), filepath.Join(c.Dir, "stderr.txt")
	out, err := os.Create(stdout)
	if err != nil {
		return Result{}, fmt.Errorf("running %s: %w", c.Program, err)
	}
	defer out.Close()
	errs, err := os.Create(stderr)
	if err != nil {
		return Result{}, fmt.Errorf("running %s: %w", c.Program, err)
	}
	defer errs.Close()
	cmd.Stdout, cmd.Stderr = out, errs
	ownGroup(cmd)
	cmd.Cancel = func() error { return endGroup(cmd) }
	cmd.WaitDelay = time.Second // for a program that does not read its stdin
	start := time.Now()
	err = cmd.Run()
	var exit *exec.ExitError
	if cmd.Process == nil {
		return Result{}, fmt.Errorf("running %s: %w", c.Program, err)
	}
	r := Result{Exit: cmd.ProcessState.ExitCode(), Seconds: time.Since(start).Seconds(), Memory: peak(cmd.ProcessState)}
	r.Late = errors.Is(ctx.Err(), context.DeadlineExceeded)
	r.Left = !r.Late && groupLives(cmd)
	_ = endGroup(cmd) // there may be nothing to end
	if err != nil && !errors.As(err, &exit) && !errors.Is(err, exec.ErrWaitDelay) && ctx.Err() == nil {
		return r, fmt.Errorf("running %s: %w", c.Program, err)
	}
	if errors.Is(ctx.Err(), context.Canceled) {
		return r, ctx.Err()
	}
	text, err1 := os.ReadFile(stdout)
	r.Stdout = string(text)
	text, err2 := os.ReadFile(stderr)
	r.Stderr = string(text)
	return r, errors.Join(err1, err2)
}
