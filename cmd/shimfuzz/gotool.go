package main

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"strings"
	"time"

	"shimfuzz/internal/hcsshim/extract"
	"shimfuzz/internal/settings"
)

// goTool prepares the go command for the hcsshim under test: the subcommand
// gets the build's flags, and the tests learn where the build keeps its files.
func goTool(ctx context.Context, b *extract.Build, command string, args ...string) *exec.Cmd {
	args = append(append([]string{command}, b.Flags...), args...)
	return tool(ctx, b, "go", args...)
}

func tool(ctx context.Context, b *extract.Build, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, name, args...)
	// An interrupt reaches the whole process group from a terminal; passing it
	// on lets a fuzzer end its workers also when it comes to us alone.
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 10 * time.Second
	cmd.Dir = b.Root
	// A workspace, or a user's own -modfile, would get in the way of ours.
	cmd.Env = append(os.Environ(), "GOFLAGS=", "GOWORK=off", settings.Build+"="+b.Dir)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	return cmd
}

// reported runs a command that explains its own failure.
func reported(cmd *exec.Cmd) error {
	var exit *exec.ExitError
	err := cmd.Run()
	if errors.As(err, &exit) {
		return errReported
	}
	return err
}

// printed returns what a command prints, trimmed.
func printed(cmd *exec.Cmd) (string, error) {
	cmd.Stdout = nil
	out, err := cmd.Output()
	return strings.TrimSpace(string(out)), err
}

// setting is a user's choice, which make hands over in the environment.
func setting(name, usual string) string {
	if v := os.Getenv(name); v != "" {
		return v
	}
	return usual
}
