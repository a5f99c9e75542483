package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"shimfuzz/fuzz"
	"shimfuzz/internal/gocmd"
	"shimfuzz/internal/verify"
)

func (o *options) readCase() (*fuzz.Case, error) {
	if o.file == "" {
		return nil, errors.New("CASE=file is missing: a payload, or what a fuzzer has kept")
	}
	return fuzz.ReadCase(o.file, o.target)
}

// repro shows a payload and the answers to it, or runs a target on its input.
func repro(o *options, _ string) error {
	c, err := o.readCase()
	if err != nil {
		return err
	}
	if err := verify.Ready(); err != nil {
		return err
	}
	if c.Target.Name == fuzz.Raw && !o.shrink { // whose input is a payload as it is
		if passes, err := verify.Repro(os.Stdout, c.Parts[0]); err != nil || passes {
			return err
		}
		return gocmd.ErrReported
	}
	if o.shrink {
		if err := shrink(c); err != nil {
			return err
		}
	}
	if report := c.Target.Failure(c.Parts); report != nil {
		fmt.Println(report)
		return gocmd.ErrReported
	}
	fmt.Printf("%s: no failure of %s that is not excused\n", c.Name, c.Target.Name)
	return nil
}

const (
	shrinkLimit = 20 * time.Second
	// progress is how often a line says how far shrinking is.
	progress = 4 * time.Second
)

// shrink makes a case smaller. It writes what it has so far as it goes, because an input
// can end the process, and then the last one that did not is kept.
func shrink(c *fuzz.Case) (err error) {
	start, size := time.Now(), c.Size()
	shown := start
	c.Target.Shrink(c.Parts, shrinkLimit, func(parts [][]byte) {
		c.Parts = parts
		err = errors.Join(err, c.Write())
		if time.Since(shown) > progress {
			shown = time.Now()
			fmt.Printf("  making the input smaller: %d bytes of %d\n", c.Size(), size)
		}
	})
	fmt.Printf("  the input has %d bytes, %d when it was found; made smaller in %.1f s\n", c.Size(), size,
		time.Since(start).Seconds())
	return err
}

// keep makes a case one that go test runs.
func keep(o *options, root string) error {
	c, err := o.readCase()
	if err != nil {
		return err
	}
	switch n := c.Size(); {
	case n == 0:
		return fmt.Errorf("%s: empty, there is nothing to keep", c.Name)
	case n > fuzz.MaxKept:
		return fmt.Errorf("%s: %d bytes, more than the %d MiB that belong into a repository", c.Name, n,
			fuzz.MaxKept>>20)
	}
	if err := c.Keep(filepath.Join(root, "fuzz", "testdata")); err != nil {
		return err
	}
	fmt.Printf("kept for go test of %s, to be committed: %s\n", c.Target.Name, gocmd.FromHere(c.File))
	return nil
}
