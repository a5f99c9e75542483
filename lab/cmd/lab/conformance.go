package main

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"time"

	_ "github.com/containerd/containerd/api/types/runc/options"      // can be OPTIONS
	_ "github.com/containerd/containerd/api/types/runtimeoptions/v1" // can be OPTIONS

	"shimfuzz/internal/contract"
	"shimfuzz/internal/gocmd"
	"shimfuzz/internal/settings"
	"shimfuzz/lab/compat/findings"
	"shimfuzz/lab/compat/readers"
	"shimfuzz/lab/conformance/optionstype"
	"shimfuzz/lab/conformance/process"
)

// conformance holds a reader in a process of its own to the contract.
func conformance(ctx context.Context, j *job) error {
	if j.reader == "" {
		return errors.New("READER is not set: say which command reads payloads, such as READER='python3 reader.py' " +
			"(docs/conformance.md has the protocol)")
	}
	if j.update > 0 && j.expected == "" {
		return errors.New("UPDATE=1 without EXPECTED: say which file to write the expected failures to")
	}
	cmd, err := j.withReader(ctx)
	if err != nil {
		return err
	}
	return gocmd.Show(cmd)
}

// repro shows what a reader answers to a payload.
func repro(ctx context.Context, j *job) error {
	c, err := j.readCase()
	if err != nil {
		return err
	}
	if j.reader == "" {
		return errors.New("READER is not set: make repro, without -C lab, asks the decoders of hcsshim")
	}
	cmd, err := j.withReader(ctx, c.File)
	if err != nil {
		return err
	}
	return gocmd.Show(cmd)
}

// withReader prepares the program that puts payloads to READER.
func (j *job) withReader(ctx context.Context, args ...string) (*exec.Cmd, error) {
	c := &settings.Conformance{Reader: string(j.reader), Options: string(j.optionsType), HCSShim: j.b.Source.Name,
		Level: string(j.level), Update: j.update > 0, Seed: int(j.seed), Checks: int(j.checks), Longest: int(j.longest),
		Payloads: int(j.payloads), Engine: j.engine}
	for _, r := range readers.All("") {
		if program := r.Program(j.root); program == c.Reader || program == filepath.Join(j.root, c.Reader) {
			c.Name, c.Version = r.Name, r.Version
		}
	}
	if err := j.setType(c); err != nil {
		return nil, fmt.Errorf("OPTIONS: %w", err)
	}
	if j.expected != "" {
		file, err := filepath.Abs(string(j.expected))
		if err != nil {
			return nil, err
		}
		c.Expected = file
	}
	j.test.Conformance = c
	cmd, err := j.b.Program(ctx, j.test, "./lab/conformance/run", args...)
	if err == nil {
		// After an interrupt it writes what is known, and may first have to wait for a reader that hangs.
		cmd.WaitDelay = 2*process.Limit + 10*time.Second
	}
	return cmd, err
}

// setType sets the type of Options that a reader reads.
func (j *job) setType(c *settings.Conformance) error {
	name := c.Options
	if name == "" {
		name = findings.OptionsType(c.Name)
		c.Marked = name != contract.OptionsName
	}
	mt, err := optionstype.Find(name)
	if err != nil || mt == optionstype.RunHCS {
		return err
	}
	c.Type, err = optionstype.Write(filepath.Join(j.b.Dir, "options.binpb"), mt)
	return err
}
