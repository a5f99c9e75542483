package main

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"

	"shimfuzz/fuzz"
	"shimfuzz/internal/gocmd"
	"shimfuzz/lab/windows/shims"
	"shimfuzz/lab/windows/wine"
)

// goTest is "go test" on the hcsshim under test, in an environment with env. vet is make
// lint's. A hang is the watchdog's to end (decoder.HangLimit): the limit on all tests
// together is for what is not a decode, and no busy machine reaches it.
func (j *job) goTest(ctx context.Context, env []string, args ...string) *exec.Cmd {
	cmd := j.b.Go(ctx, j.test, "test", append(args, "-vet=off", "-timeout=60m")...)
	cmd.Env = append(cmd.Env, env...)
	return cmd
}

var (
	passing = regexp.MustCompile(`^(=== |\s*--- PASS: |PASS$)`) // of a test, or of all in a package
	passed  = regexp.MustCompile(`^(ok  |\?   )\t`)             // a package
	failed  = regexp.MustCompile(`^FAIL\t`)                     // a package
)

// show runs "go test -v" of several packages. It shows what those that fail print, and of the
// others what did not run, which without -v nobody would see.
func show(tests *exec.Cmd) error {
	var held []string // of the package that runs
	err := gocmd.Lines(tests, func(line string) {
		switch held = append(held, line); {
		case passed.MatchString(line):
			held = slices.DeleteFunc(held, func(l string) bool {
				return l != line && !strings.Contains(l, "NOT RUN: ")
			})
		case !failed.MatchString(line):
			return
		}
		printAll(held)
		held = nil
	})
	printAll(held)
	if errors.As(err, new(*exec.ExitError)) {
		return gocmd.ErrReported
	}
	return err
}

func printAll(lines []string) {
	for _, line := range lines {
		if !passing.MatchString(line) {
			fmt.Println(line)
		}
	}
}

// test runs the lab's own tests. Those of the real shims are e2e's.
func test(ctx context.Context, j *job) error { return show(j.goTest(ctx, nil, "-v", "./lab/...")) }

// e2e runs the real shims, built for Windows, on the corpus and on generated
// payloads, and holds them to the answers of the extracted readOptions. With
// CASE it shows what they do with that one.
func e2e(ctx context.Context, j *job) error {
	dir := filepath.Join(j.b.Dir, "e2e")
	// In the package's own folder go test shows what a test prints, at once. A shim waits for
	// Wine's server, and a test for a hang.
	args := []string{"-C=lab/windows", "-count=1", fmt.Sprintf("-parallel=%d", 2*runtime.NumCPU()), "-shims=" + dir,
		fmt.Sprintf("-seed=%d", j.Seed), fmt.Sprintf("-checks=%d", j.Checks)}
	if j.file != "" {
		c, err := fuzz.ReadCase(j.file, "")
		if err != nil {
			return err
		}
		if c.Native {
			return fmt.Errorf("%s: want a payload as it is, not a file of Go's fuzzing engine", j.file)
		}
		args = append(args, "-case="+c.File, "-run=^TestCase$")
	}
	host, err := wine.Start(ctx, j.root)
	if err != nil {
		return err
	}
	defer host.Stop()
	if err := shims.Build(ctx, j.root, j.b.Source.Dir, dir); err != nil {
		return err
	}
	return gocmd.Show(j.goTest(ctx, nil, args...))
}

// windowsPackages are those whose tests run under Wine, which has no Go. Up to its
// version 8 it does not remove the temporary folders of tests, either; notUnderWine are the
// tests that have one, and the enumeration of everything small, which would take too long.
var windowsPackages = []string{
	"./corpus/...", "./fuzz", "./internal/contract", "./internal/decoder",
	"./internal/findings", "./internal/grammar", "./internal/hcsshim", "./internal/reference", "./internal/stdin",
	"./internal/verdict", "./internal/verify", "./internal/wire", "./lab/compat/findings", "./properties",
}

const notUnderWine = "^Test(Keep|ReadCase|Walk.*)$"

// underWine runs the suite's own tests and the extracted decoder as programs for Windows.
func underWine(ctx context.Context, j *job) error {
	host, err := wine.Start(ctx, j.root)
	if err != nil {
		return err
	}
	defer host.Stop()
	return show(j.goTest(ctx, host.Tests(), append(windowsPackages, "-v", "-count=1", "-skip="+notUnderWine)...))
}
