package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"shimfuzz/internal/gocmd"
	"shimfuzz/lab/compat/findings"
	"shimfuzz/lab/compat/readers"
	"shimfuzz/lab/conformance"
	"shimfuzz/lab/conformance/examples"
	"shimfuzz/lab/conformance/optionstype"
)

// runcReader is a reader of runc's Options: a shim on containerd's pkg/shim.
const (
	runcReader   = findings.PkgShim + " " + findings.NewestContainerd
	runcExpected = "lab/compat/readers/pkgshim/expected-runc-" + findings.NewestContainerd + ".txt"
)

// exampleReaders holds the example readers to the contract, but for the known defects of
// their engines, and a reader of runc's Options to its list of expected failures.
func exampleReaders(ctx context.Context, j *job) error {
	known := readers.All("")
	r := known[slices.IndexFunc(known, func(r readers.Reader) bool { return r.ID() == runcReader })]
	if err := r.Build(j.root); err != nil {
		return err
	}
	runc := *j
	runc.Reader, runc.Options = r.Program(j.root)+" runc", findings.RuncOptions
	runc.Expected = filepath.Join(j.root, runcExpected)
	runc.Level, runc.Checks, runc.Longest = conformance.Required, 50, 1 // each payload takes a process
	fmt.Printf("\n== Go, runc's Options with %s\n", r.ID())
	red := conform(ctx, &runc)
	if red != nil && !goesOn(ctx, red) {
		return red
	}
	j.Update = false
	return cmp.Or(j.holdExamples(ctx), red)
}

// differ holds the reference to readers on other protobuf engines: it asks the example
// readers everything small, and mutated payloads.
func differ(ctx context.Context, j *job) error {
	j.Level, j.Longest = conformance.Freedoms, 2
	return j.holdExamples(ctx)
}

// goesOn reports whether an error is that a reader is not right, so that the next one is held, too.
func goesOn(ctx context.Context, err error) bool {
	return errors.Is(err, gocmd.ErrReported) && ctx.Err() == nil
}

// holdExamples holds each example reader that can be built here to the contract, but for
// the known defects of its engine.
func (j *job) holdExamples(ctx context.Context) (red error) {
	held := 0
	for _, e := range examples.All() {
		fmt.Printf("\n== %s, %s\n", e.Language, e.Engine)
		if missing := e.Missing(); missing != nil {
			fmt.Printf("  NOT RUN: it needs %v: make -C lab examples-tools\n", missing)
			continue
		}
		command, err := e.Build(ctx, j.root)
		if err != nil {
			return err
		}
		one := *j
		one.Reader, one.Engine, one.Longest = command, e.Name, cmp.Or(j.Longest, e.Longest)
		held++
		if err := conform(ctx, &one); goesOn(ctx, err) {
			red = err
		} else if err != nil {
			return err
		}
	}
	if held == 0 {
		return errors.New("no reader can be run here")
	}
	return red
}

// descriptors writes the descriptor set for readers in any language.
func descriptors(_ context.Context, j *job) error {
	messages, err := optionstype.WriteDescriptors(j.root)
	if err != nil {
		return err
	}
	fmt.Printf("%s\n  %s\n", optionstype.Descriptors, strings.Join(messages, "\n  "))
	return nil
}

// examplesTools installs from Debian what the example readers need.
func examplesTools(ctx context.Context, j *job) error {
	return install(ctx, j.root, func() (packages []string) {
		for _, e := range examples.All() {
			for _, n := range e.Missing() {
				packages = append(packages, n.Package)
			}
		}
		return packages
	})
}

// install installs the packages of Debian that are missing.
func install(ctx context.Context, root string, missing func() (packages []string)) error {
	packages := missing()
	if len(packages) == 0 {
		fmt.Println("all that is needed is installed")
		return nil
	}
	if os.Getuid() != 0 {
		return errors.New("installing needs root: apt-get install --no-install-recommends " +
			strings.Join(packages, " "))
	}
	const apt = "apt-get -qq update && apt-get -qq install -y --no-install-recommends "
	cmd := gocmd.Command(ctx, root, "sh", "-c", apt+strings.Join(packages, " "))
	cmd.Env = append(cmd.Env, "DEBIAN_FRONTEND=noninteractive")
	if _, err := gocmd.Output(cmd); err != nil {
		return fmt.Errorf("apt-get: %w", err)
	}
	if still := missing(); len(still) > 0 {
		return fmt.Errorf("the packages are installed, but what is in %s is not found", strings.Join(still, ", "))
	}
	fmt.Println("installed: " + strings.Join(packages, " "))
	return nil
}
