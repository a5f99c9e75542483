// Command lab is what the targets of the lab's Makefile run: each is a subcommand, and
// each of make's variables a flag.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"syscall"

	"golang.org/x/mod/modfile"

	"shimfuzz/fuzz"
	"shimfuzz/internal/gocmd"
	"shimfuzz/internal/hcsshim/extract"
	"shimfuzz/internal/settings"
	"shimfuzz/lab/compat/findings"
)

func main() {
	name := "help"
	if len(os.Args) > 1 {
		name = os.Args[1]
	}
	err := run(name, os.Args[min(2, len(os.Args)):])
	if err == nil {
		return
	}
	if !errors.Is(err, gocmd.ErrReported) {
		fmt.Fprintf(os.Stderr, "make -C lab %s: %v\n", name, err)
	}
	os.Exit(1)
}

// job is what a subcommand works on.
type job struct {
	options
	root   string
	b      *extract.Build // the hcsshim under test, where the subcommand needs one
	test   settings.Test  // for the processes of this hcsshim's tests
	engine string         // of the example reader that is held to the contract
}

func run(name string, args []string) error {
	if name == "help" {
		printHelp(os.Stdout)
		return nil
	}
	i := slices.IndexFunc(commands, func(c command) bool { return c.name == name })
	if i < 0 {
		return errors.New("there is no such target; make -C lab lists them")
	}
	c := commands[i]
	j, err := prepare(c, args)
	if errors.Is(err, flag.ErrHelp) {
		return nil
	}
	if err != nil {
		return err
	}
	// From here on an interrupt is for the subcommand to deal with. Extraction
	// writes whole files only and can simply end.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if c.versions {
		err = j.printVersions(ctx)
	}
	if err == nil {
		err = c.run(ctx, j)
	}
	if err != nil && ctx.Err() != nil {
		return errors.New("interrupted")
	}
	return err
}

// prepare reads the settings and puts the hcsshim under test.
func prepare(c command, args []string) (*job, error) {
	o, err := parse(c, args)
	if err != nil {
		return nil, err
	}
	if o.findings != "" {
		if _, err := findings.Named(string(o.findings)); err != nil {
			return nil, err
		}
	}
	if o.target != "" {
		if _, err := fuzz.Named(string(o.target)); err != nil {
			return nil, fmt.Errorf("TARGET: %w", err)
		}
	}
	root, err := settings.Root()
	if err != nil {
		return nil, err
	}
	j := &job{options: o, root: root, test: settings.Test{Entry: string(o.entry), Findings: string(o.findings)}}
	if !c.hcsshim {
		return j, nil
	}
	b, err := extract.Prepare(root, string(o.hcsshim), string(o.entry))
	if err != nil {
		return nil, err
	}
	// The lab's own tests and programs that hold something to the hcsshim under test.
	j.b, err = b.Edited("lab", func(work *modfile.WorkFile) error {
		return work.AddUse(filepath.Join(root, "lab"),
			"")
	})
	if err != nil {
		return nil, err
	}
	if o.hcsshim != "" {
		j.test.HCSShim = j.b.Source.Name
	}
	return j, nil
}
