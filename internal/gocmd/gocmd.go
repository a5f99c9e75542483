// Package gocmd runs the go command and what it builds.
package gocmd

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// Command prepares a program to be run in dir. When ctx ends it is interrupted.
func Command(ctx context.Context, dir, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, name, args...)
	// An interrupt reaches the whole process group from a terminal; passing it
	// on lets a fuzzer end its workers also when it comes to this process alone.
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 10 * time.Second
	cmd.Dir = dir
	cmd.Env = Environ()
	return cmd
}

// Environ is the environment of the go command: a workspace or a -modfile of the
// user's is for another module, and what is built is run on this machine.
func Environ() []string {
	return append(os.Environ(), "GOFLAGS=", "GOWORK=off", "GOOS=", "GOARCH=")
}

// Run runs the go command in dir and returns its standard output.
func Run(dir string, env []string, args ...string) ([]byte, error) {
	cmd := Command(context.Background(), dir, "go", args...)
	cmd.Env = append(cmd.Env, env...)
	return Output(cmd)
}

// Output runs cmd and returns its standard output. Its error carries what cmd
// wrote to standard error.
func Output(cmd *exec.Cmd) ([]byte, error) {
	out, err := cmd.Output()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok && len(exit.Stderr) > 0 {
		return out, errors.New(strings.TrimSpace(string(exit.Stderr)))
	}
	if err != nil {
		return out, fmt.Errorf("%s: %w", strings.Join(cmd.Args[:min(2, len(cmd.Args))], " "), err)
	}
	return out, nil
}

// ErrReported is a failure of which the user has been told all there is to say.
var ErrReported = errors.New("failed")

// Show runs cmd with its output shown. It has to explain its own failure.
func Show(cmd *exec.Cmd) error {
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	err := cmd.Run()
	if _, ok := errors.AsType[*exec.ExitError](err); ok {
		return ErrReported
	}
	return err
}

// Lines runs cmd and passes each line that it prints to do. Standard error is part
// of that, unless cmd has another place for it.
func Lines(cmd *exec.Cmd, do func(line string)) error {
	pipe, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if cmd.Stderr == nil {
		cmd.Stderr = cmd.Stdout
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	lines := bufio.NewScanner(pipe)
	lines.Buffer(nil, math.MaxInt) // of any length
	for lines.Scan() {
		do(lines.Text())
	}
	return cmd.Wait()
}

// Module is a module in the module cache.
type Module struct {
	Path, Version string
	Dir           string // absolute path of its root
	Sum           string // checksum of its content, as in go.sum
}

// Download gets a module at a version into the module cache, if it is not there.
func Download(path, version string) (*Module, error) {
	out, err := Run(os.TempDir(), nil, "mod", "download", "-json", path+"@"+version)
	var m struct {
		Module
		Error string
	}
	if json.Unmarshal(out, &m) == nil && m.Dir != "" {
		return &m.Module, nil
	}
	return nil, errors.New(OneLine(cmp.Or(m.Error, fmt.Sprint(err))))
}

// OneLine joins the lines of a message.
func OneLine(text string) string { return strings.Join(strings.Fields(text), " ") }

// FromHere shortens a path for people.
func FromHere(path string) string {
	dir, _ := os.Getwd() // no absolute path lies in ""
	if rel, err := filepath.Rel(dir, path); err == nil {
		return rel
	}
	return path
}
