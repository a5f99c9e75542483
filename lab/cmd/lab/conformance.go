package main

import (
	"cmp"
	"context"
	"errors"
	"path/filepath"
	"strings"
	"time"

	_ "github.com/containerd/containerd/api/types/runc/options"      // can be OPTIONS
	_ "github.com/containerd/containerd/api/types/runtimeoptions/v1" // can be OPTIONS

	"shimfuzz/fuzz"
	"shimfuzz/internal/gocmd"
	"shimfuzz/lab/compat/findings"
	"shimfuzz/lab/compat/readers"
	"shimfuzz/lab/conformance/optionstype"
	"shimfuzz/lab/conformance/process"
	"shimfuzz/lab/workspace"
)

// conform holds a reader in a process of its own to the contract.
func conform(ctx context.Context, j *job) error {
	if j.Update && j.Expected == "" {
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
	return j.putTo(ctx, c.File)
}

// putTo runs the program that puts payloads to READER, which links the Options of the
// hcsshim under test, and no other types than that hcsshim does.
func (j *job) putTo(ctx context.Context, args ...string) error {
	if strings.TrimSpace(j.Reader) == "" {
		return errors.New("READER is not set: say which command reads payloads, such as READER='python3 reader.py' " +
			"(docs/conformance.md has the protocol); make repro, without -C lab, asks the decoders of hcsshim")
	}
	s := j.Settings
	for _, r := range readers.All("") {
		if program := r.Program(j.root); program == s.Reader || program == filepath.Join(j.root, s.Reader) {
			if _, err := r.Build(j.root); err != nil {
				return err
			}
			s.Name, s.Version = r.Name, r.Version
		}
	}
	s.Options = cmp.Or(s.Options, findings.OptionsType(s.Name))
	if _, err := optionstype.WriteDescriptors(); err != nil { // for one that this hcsshim does not link
		return err
	}
	j.tell(s)
	cmd, err := workspace.Program(ctx, j.b, j.test, "./lab/conformance/run", args...)
	if err != nil {
		return err
	}
	// After an interrupt it writes what is known, and may first have to wait for a reader that hangs.
	cmd.WaitDelay = 2*process.Limit + 10*time.Second
	return gocmd.Show(cmd)
}
