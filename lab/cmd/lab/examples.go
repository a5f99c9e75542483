package main

import (
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
	"shimfuzz/lab/conformance/examples"
)

// runcReader is a reader of runc's Options: a shim on containerd's pkg/shim.
const (
	runcReader   = findings.PkgShim + " " + findings.NewestContainerd
	runcExpected = "lab/compat/readers/pkgshim/expected-runc-" + findings.NewestContainerd + ".txt"
)

// exampleReaders holds the example readers to the contract, but for the known defects of
// their engines, and a reader of runc's Options to its list of expected failures.
func exampleReaders(ctx context.Context, j *job) error {
	all, failed := j.options, false
	known := readers.All("")
	r := known[slices.IndexFunc(known, func(r readers.Reader) bool { return r.ID() == runcReader })]
	program, err := r.Build(j.root)
	if err != nil {
		return err
	}
	j.reader, j.optionsType, j.expected = program+" runc", findings.RuncOptions, filepath.Join(j.root, runcExpected)
	j.level, j.checks, j.longest = "required", 50, 1 // each payload takes a process
	fmt.Printf("\n== Go, runc's Options with %s\n", r.ID())
	if err := j.hold(ctx, &failed); err != nil {
		return err
	}
	j.options = all
	j.update = false
	err = j.holdExamples(ctx, func(e examples.Example) { j.longest = e.Longest })
	if err == nil && failed {
		return gocmd.ErrReported
	}
	return err
}

// differ holds the reference to readers on other protobuf engines: it asks the example
// readers everything small, and mutated payloads.
func differ(ctx context.Context, j *job) error {
	j.level, j.longest = "freedoms", 2
	return j.holdExamples(ctx, func(examples.Example) {})
}

// holdExamples holds each example reader that can be built here to the contract, but for
// the known defects of its engine. prepare sets what is asked of it.
func (j *job) holdExamples(ctx context.Context, prepare func(examples.Example)) error {
	held, failed := 0, false
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
		j.reader, j.engine = command, e.Name
		prepare(e)
		held++
		if err := j.hold(ctx, &failed); err != nil {
			return err
		}
	}
	switch {
	case failed:
		return gocmd.ErrReported
	case held == 0:
		return errors.New("no reader can be run here")
	}
	return nil
}

// hold holds a reader to the contract. That it fails is no error, so that the next one is held, too.
func (j *job) hold(ctx context.Context, failed *bool) error {
	err := conform(ctx, j)
	if errors.Is(err, gocmd.ErrReported) && ctx.Err() == nil {
		*failed, err = true, nil
	}
	return err
}

// descriptors writes the descriptor set for readers in any language.
func descriptors(_ context.Context, j *job) error {
	messages, err := examples.WriteDescriptors(j.root)
	if err != nil {
		return err
	}
	fmt.Printf("%s\n  %s\n", examples.Descriptors, strings.Join(messages, "\n  "))
	return nil
}

// examplesTools installs from Debian what the example readers need.
func examplesTools(ctx context.Context, j *job) error {
	var packages []string
	for _, e := range examples.All() {
		for _, n := range e.Missing() {
			packages = append(packages, n.Package)
		}
	}
	return install(ctx, j.root, packages, func() string {
		for _, e := range examples.All() {
			if missing := e.Missing(); missing != nil {
				return fmt.Sprint(missing)
			}
		}
		return ""
	})
}

// install installs packages on Debian, unless nothing is missing.
func install(ctx context.Context, root string, packages []string, missing func() string) error {
	if missing() == "" {
		fmt.Println("all that is needed is installed")
		return nil
	}
	if os.Getuid() != 0 {
		return errors.New("installing needs root: apt-get install --no-install-recommends " +
			strings.Join(packages, " "))
	}
	install := append([]string{"-qq", "install", "-y", "--no-install-recommends"}, packages...)
	for _, args := range [][]string{{"-qq", "update"}, install} {
		cmd := gocmd.Command(ctx, root, "apt-get", args...)
		cmd.Env = append(cmd.Env, "DEBIAN_FRONTEND=noninteractive")
		if _, err := gocmd.Output(cmd); err != nil {
			return fmt.Errorf("apt-get %s: %w", args[1], err)
		}
	}
	if what := missing(); what != "" {
		return fmt.Errorf("the packages are installed, but not found is %s", what)
	}
	fmt.Println("installed: " + strings.Join(packages, " "))
	return nil
}
