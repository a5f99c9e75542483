package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"shimfuzz/internal/engine"
	"shimfuzz/internal/gocmd"
	"shimfuzz/internal/hcsshim/extract"
	"shimfuzz/internal/targets"
)

func (o *options) readCase() (*targets.Case, error) {
	if o.file == "" {
		return nil, errors.New("CASE=file is missing: a payload, or what a fuzzer has kept")
	}
	return targets.ReadCase(o.file, o.target)
}

// repro shows a payload and the answers to it, or runs a target on its input.
func repro(ctx context.Context, o *options, root string) error {
	c, err := o.readCase()
	if err != nil {
		return err
	}
	b, err := extract.Prepare(root, o.hcsshim, o.entry)
	if err != nil {
		return err
	}
	isPayload := c.Target.Name == targets.Raw.Name // whose input is a payload as it is
	program, args := engine.Replayer, []string{c.Target.Name, c.File}
	if isPayload {
		file := c.File
		if c.Native {
			file = filepath.Join(b.Dir, "payload.bin")
			if err := os.WriteFile(file, c.Parts[0], 0o666); err != nil {
				return err
			}
		}
		program, args = "./internal/verify/repro", []string{gocmd.FromHere(file)}
	}
	cmd, err := b.Program(ctx, o.test(b), program, args...)
	if err != nil {
		return err
	}
	if err := gocmd.Show(cmd); err != nil || isPayload {
		return err
	}
	fmt.Printf("%s: no failure of %s that is not excused\n", c.Name, c.Target.Name)
	return nil
}

// keep makes a case one that go test runs.
func keep(_ context.Context, o *options, root string) error {
	c, err := o.readCase()
	if err != nil {
		return err
	}
	switch n := c.Size(); {
	case n == 0:
		return fmt.Errorf("%s: empty, there is nothing to keep", c.Name)
	case n > targets.MaxKept:
		return fmt.Errorf("%s: %d bytes, more than the %d MiB that belong into a repository", c.Name, n,
			targets.MaxKept>>20)
	}
	file, err := c.Write(filepath.Join(root, "fuzz", "testdata"))
	if err != nil {
		return err
	}
	fmt.Printf("kept for go test of %s, to be committed: %s\n", c.Target.Name, gocmd.FromHere(file))
	return nil
}
