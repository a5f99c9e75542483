// Command make is what stands behind the targets of the Makefile.
//
// Each target is a command. Which hcsshim is under test, and what else a user may choose,
// comes from the environment, where make puts its variables.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"shimfuzz/internal/findings"
	"shimfuzz/internal/hcsshim/extract"
	"shimfuzz/internal/settings"
)

var commands = map[string]func(context.Context, *extract.Build) error{
	"extract":        func(context.Context, *extract.Build) error { return nil },
	"test":           test,
	"fuzz":           fuzz,
	"repro":          repro,
	"keep":           keep,
	"tree":           writeTree,
	"corpus":         writeCorpus,
	"check-corpus":   checkCorpus,
	"record":         record,
	"matrix":         compatibility,
	"conformance":    conformance,
	"oss-fuzz":       ossFuzz,
	"oss-fuzz-proof": ossFuzzProof,
	"mutants":        mutants,
	"baselines":      baselines,
	"history":        history,
	"steady":         steady,
	"overhead":       overhead,
	"bench":          bench,
	"e2e":            e2e,
	"e2e-tools":      e2eTools,
	"lint":           lint,
}

func main() {
	if len(os.Args) > 3 && os.Args[1] == "toolexec" {
		if err := toolexec(os.Args[2:]); err != nil {
			os.Exit(1) // the tool has said why
		}
		return
	}
	if len(os.Args) != 2 || commands[os.Args[1]] == nil {
		fmt.Fprintln(os.Stderr, "usage: run one of the Makefile's targets: make help")
		os.Exit(2)
	}
	if err := run(os.Args[1]); err != nil {
		if !errors.Is(err, errReported) {
			fmt.Fprintf(os.Stderr, "make %s: %v\n", os.Args[1], err)
		}
		os.Exit(1)
	}
}

// errReported is a failure of which the user has been told all there is to say.
var errReported = errors.New("failed")

func run(name string) error {
	root, err := settings.Root()
	if err != nil {
		return err
	}
	if name := os.Getenv(settings.Findings); name != "" {
		if _, err := findings.Named(name); err != nil {
			return err
		}
	}
	if err := takeReader(name, root); err != nil {
		return err
	}
	b, err := extract.Prepare(root, os.Getenv(settings.HCSShim))
	if err != nil {
		return err
	}
	// From here on an interrupt is for the command to deal with. Extraction
	// writes whole files only and can simply end.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err = commands[name](ctx, b)
	if err != nil && ctx.Err() != nil && !errors.Is(err, errReported) {
		return errors.New("interrupted")
	}
	return err
}
