package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	_ "github.com/containerd/containerd/api/types/runc/options"      // can be OPTIONS
	_ "github.com/containerd/containerd/api/types/runtimeoptions/v1" // can be OPTIONS

	"shimfuzz/fuzz"
	"shimfuzz/internal/contract"
	"shimfuzz/internal/gocmd"
	"shimfuzz/lab/compat/findings"
	"shimfuzz/lab/compat/readers"
	"shimfuzz/lab/conformance"
	"shimfuzz/lab/conformance/optionstype"
	"shimfuzz/lab/conformance/process"
	"shimfuzz/lab/workspace"
)

// conform holds a reader in a process of its own to the contract.
func conform(ctx context.Context, j *job) error {
	if j.reader == "" {
		return errors.New("READER is not set: say which command reads payloads, such as READER='python3 reader.py' " +
			"(docs/conformance.md has the protocol)")
	}
	if j.update && j.expected == "" {
		return errors.New("UPDATE=1 without EXPECTED: say which file to write the expected failures to")
	}
	return j.putTo(ctx)
}

// repro shows what a reader answers to a payload.
func repro(ctx context.Context, j *job) error {
	c, err := fuzz.ReadCase(j.file, "")
	if err != nil {
		return err
	}
	if j.reader == "" {
		return errors.New("READER is not set: make repro, without -C lab, asks the decoders of hcsshim")
	}
	return j.putTo(ctx, c.File)
}

// putTo runs the program that puts payloads to READER.
func (j *job) putTo(ctx context.Context, args ...string) error {
	c := &conformance.Settings{Reader: j.reader, Options: j.optionsType, HCSShim: j.b.Source.Name,
		Level: j.level, Update: j.update, Seed: j.seed, Checks: j.checks, Longest: j.longest, Payloads: j.payloads,
		Engine: j.engine}
	for _, r := range readers.All("") {
		if program := r.Program(j.root); program == c.Reader || program == filepath.Join(j.root, c.Reader) {
			if _, err := r.Build(j.root); err != nil {
				return err
			}
			c.Name, c.Version = r.Name, r.Version
		}
	}
	if err := j.setType(c); err != nil {
		return fmt.Errorf("OPTIONS: %w", err)
	}
	if j.expected != "" {
		file, err := filepath.Abs(j.expected)
		if err != nil {
			return err
		}
		c.Expected = file
	}
	j.tell(c)
	cmd, err := workspace.Program(ctx, j.b, j.test, "./lab/conformance/run", args...)
	if err != nil {
		return err
	}
	// After an interrupt it writes what is known, and may first have to wait for a reader that hangs.
	cmd.WaitDelay = 2*process.Limit + 10*time.Second
	return gocmd.Show(cmd)
}

// setType sets the type of Options that a reader reads.
func (j *job) setType(c *conformance.Settings) error {
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
