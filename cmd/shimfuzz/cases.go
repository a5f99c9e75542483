package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"shimfuzz/internal/engine"
	"shimfuzz/internal/gocmd"
	"shimfuzz/internal/targets"
)

// readCase reads what CASE names.
func (o *options) readCase() (*targets.Case, error) {
	if o.file == "" {
		return nil, errors.New("CASE=file is missing: a payload, or what a fuzzer has kept")
	}
	return targets.ReadCase(string(o.file), string(o.target))
}

// repro replays one case.
func repro(ctx context.Context, j *job) error {
	c, err := j.readCase()
	if err != nil {
		return err
	}
	payload := c.Target.Name == targets.Raw.Name // whose input is a payload as it is
	program, args := engine.Replayer, []string{c.Target.Name, c.File}
	if payload {
		file := c.File
		if c.Native {
			file = filepath.Join(j.b.Dir, "payload.bin")
			if err := os.WriteFile(file, c.Parts[0], 0o666); err != nil {
				return err
			}
		}
		program, args = "./internal/verify/repro", []string{gocmd.FromHere(file)}
	}
	if j.reader != "" && !payload {
		return fmt.Errorf("READER: a reader is given payloads only, and %s is an input of %s", c.Name, c.Target.Name)
	}
	prepare := func() (*exec.Cmd, error) { return j.b.Program(ctx, j.test, program, args...) }
	if j.reader != "" {
		prepare = func() (*exec.Cmd, error) { return j.withReader(ctx, args...) }
	}
	cmd, err := prepare()
	if err != nil {
		return err
	}
	if err := gocmd.Show(cmd); err != nil || payload {
		return err
	}
	fmt.Printf("%s: no failure of %s that is not excused\n", c.Name, c.Target.Name)
	return nil
}

// keep makes a case a regression test: go test runs what is in fuzz/testdata.
func keep(_ context.Context, j *job) error {
	c, err := j.readCase()
	if err != nil {
		return err
	}
	switch n := c.Size(); {
	case n == 0:
		return fmt.Errorf("%s: empty, there is nothing to keep", c.Name)
	case n > targets.MaxKept:
		return fmt.Errorf("%s: %d bytes, more than the %d MiB that belong into a repository", c.Name, n, targets.MaxKept>>20)
	}
	file, err := c.Write(filepath.Join(j.root, "fuzz", "testdata"))
	if err != nil {
		return err
	}
	fmt.Printf("kept for go test of %s, to be committed: %s\n", c.Target.Name, gocmd.FromHere(file))
	return nil
}
