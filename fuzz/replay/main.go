// Command replay runs a fuzz target on one input and reports a failure. With
// -shrink it makes the input smaller first, in its file.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"time"

	"shimfuzz/fuzz"
	"shimfuzz/internal/hcsshim"
	"shimfuzz/internal/targets"
)

const (
	shrinkLimit = 20 * time.Second
	// progress is how often a line says how far shrinking is.
	progress = 4 * time.Second
)

func main() {
	shrink := flag.Bool("shrink", false, "first make the input smaller, in its file")
	flag.Parse()
	if err := run(*shrink, flag.Arg(0), flag.Arg(1)); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(shrink bool, target, name string) error {
	if err := hcsshim.Ready(); err != nil {
		return err
	}
	c, err := targets.ReadCase(name, target)
	if err != nil {
		return err
	}
	if shrink {
		if err := smallest(c); err != nil {
			return err
		}
	}
	if report := fuzz.Failure(c.Target.Name, c.Parts); report != nil {
		return errors.New(report.String())
	}
	return nil
}

// smallest shrinks c while it fails for what it fails for at first. It writes what it has so far as it goes, because
// an input
// can end the process, and then the last one that did not is kept.
func smallest(c *targets.Case) (err error) {
	first := fuzz.Failure(c.Target.Name, c.Parts)
	if first == nil {
		return nil
	}
	fails := func(parts [][]byte) bool {
		now := fuzz.Failure(c.Target.Name, parts)
		return now != nil && now.Group == first.Group
	}
	start, size := time.Now(), c.Size()
	shown := start
	fuzz.Shrink(c.Parts, shrinkLimit, fails, func(parts [][]byte) {
		c.Parts = parts
		err = errors.Join(err, os.WriteFile(c.File, targets.GoFile(parts), 0o666))
		if time.Since(shown) > progress {
			shown = time.Now()
			fmt.Printf("  making the input smaller: %d bytes of %d\n", c.Size(), size)
		}
	})
	fmt.Printf("  the input has %d bytes, %d when it was found; made smaller in %.1f s\n", c.Size(), size,
		time.Since(start).Seconds())
	return err
}
