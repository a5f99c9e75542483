package main

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"

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

// show runs "go test -json", and shows of it what make test shows.
func (j *job) show(ctx context.Context, tests *exec.Cmd) error {
	out, err := tests.StdoutPipe()
	if err != nil {
		return err
	}
	tests.Stderr = os.Stderr
	if err := tests.Start(); err != nil {
		return err
	}
	summary := j.b.Go(ctx, j.test, "run", "./cmd/shimfuzz", "summary")
	summary.Stdin = out
	err = gocmd.Show(summary)
	out.Close() // which ends go test, if the summary has ended before it
	return cmp.Or(err, tests.Wait())
}

// test runs the lab's own tests. Those of the real shims are e2e's.
func test(ctx context.Context, j *job) error {
	return j.show(ctx, j.goTest(ctx, nil, "-json", "./lab/..."))
}

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
	args := append(windowsPackages, "-json", "-count=1", "-skip="+notUnderWine)
	return j.show(ctx, j.goTest(ctx, host.Tests(), args...))
}
