package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"shimfuzz/internal/gocmd"
	"shimfuzz/lab/compat/findings"
	"shimfuzz/lab/compat/readers"
	"shimfuzz/lab/conformance/examples"
)

// runcReader is a reader of runc's Options: a shim on containerd's pkg/shim.
var runcReader = struct{ name, version, options, expected string }{
	findings.PkgShim, "v2.4.2", findings.RuncOptions, "lab/compat/readers/pkgshim/expected-runc-v2.4.2.txt",
}

// exampleReaders holds the example readers, and a reader of runc's Options, to their lists
// of expected failures.
func exampleReaders(ctx context.Context, j *job) error {
	failed := false
	hold := func(name string) error {
		fmt.Printf("\n== %s\n", name)
		err := conformance(ctx, j)
		if errors.Is(err, gocmd.ErrReported) && ctx.Err() == nil {
			failed, err = true, nil
		}
		return err
	}
	all := j.options
	for _, e := range examples.All() {
		if missing := e.Missing(); missing != "" {
			fmt.Printf("\n== %s\n  NOT RUN: it needs %s: make -C lab examples-tools\n", e.Language, missing)
			continue
		}
		command, err := e.Build(ctx, j.root)
		if err != nil {
			return err
		}
		j.options = all
		j.reader, j.expected = command, filepath.Join(j.root, "lab", "examples", "readers", e.Name, "expected.txt")
		j.longest = e.Longest
		if err := hold(e.Language + ", " + e.Engine); err != nil {
			return err
		}
	}
	for _, r := range readers.All("") {
		if r.Name != runcReader.name || r.Version != runcReader.version {
			continue
		}
		program, err := r.Build(j.root)
		if err != nil {
			return err
		}
		j.options = all
		j.reader, j.optionsType, j.expected = program+" runc", runcReader.options,
			filepath.Join(j.root, runcReader.expected)
		j.level, j.checks = "required", 50 // each payload takes a process
		if err := hold("Go, runc's Options with " + r.ID()); err != nil {
			return err
		}
	}
	if failed {
		return gocmd.ErrReported
	}
	return nil
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
		for _, n := range e.Lacking() {
			packages = append(packages, n.Package)
		}
	}
	return install(ctx, j.root, packages, func() (missing string) {
		for _, e := range examples.All() {
			missing = cmp.Or(missing, e.Missing())
		}
		return missing
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
