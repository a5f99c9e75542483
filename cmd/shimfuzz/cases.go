package main

import (
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"shimfuzz/fuzz"
	"shimfuzz/internal/gocmd"
	"shimfuzz/internal/verify"
)

// repro shows a payload and the answers to it, or runs a target on its input.
func repro(o *options, _ string) error {
	c, err := fuzz.ReadCase(o.file, o.target)
	if err != nil {
		return err
	}
	if err := verify.Ready(); err != nil {
		return err
	}
	if o.shrink {
		size := len(slices.Concat(c.Parts...))
		if err := c.Shrink(20 * time.Second); err != nil {
			return err
		}
		fmt.Printf("  the input has %d bytes, %d when it was found\n", len(slices.Concat(c.Parts...)), size)
	}
	if c.Target.Name == fuzz.Raw { // whose input is a payload as it is
		text, passes := verify.Repro(c.Parts[0])
		if _, err := fmt.Print(text); err != nil || passes {
			return err
		}
		return gocmd.ErrReported
	}
	if report := c.Target.Failure(c.Parts); report != nil {
		fmt.Println(report)
		return gocmd.ErrReported
	}
	fmt.Printf("%s: no failure of %s that is not excused\n", o.file, c.Target.Name)
	return nil
}

// keep makes a case one that go test runs.
func keep(o *options, root string) error {
	c, err := fuzz.ReadCase(o.file, o.target)
	if err != nil {
		return err
	}
	if err := c.Keep(filepath.Join(root, "fuzz", "testdata")); err != nil {
		return err
	}
	fmt.Printf("kept for go test of %s, to be committed: %s\n", c.Target.Name, gocmd.FromHere(c.File))
	return nil
}
