package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"shimfuzz/fuzz"
	"shimfuzz/internal/gocmd"
	"shimfuzz/lab/windows"
	"shimfuzz/lab/windows/shims"
	"shimfuzz/lab/windows/wine"
)

// e2e runs the real shims, built for Windows, on the corpus and on generated
// payloads, and holds them to the answers of the extracted readOptions. With
// CASE it shows what they do with that one.
func e2e(ctx context.Context, j *job) error {
	dir := filepath.Join(j.b.Dir, "e2e")
	s := windows.Settings{Shims: dir, Wine: filepath.Join(j.root, "build", "wine"), Seed: j.Seed, Checks: j.Checks}
	if j.file != "" {
		c, err := fuzz.ReadCase(j.file, "")
		if err != nil {
			return err
		}
		if c.Native {
			return fmt.Errorf("%s: want a payload as it is, not a file of Go's fuzzing engine", j.file)
		}
		s.Case = c.File
	}
	release, err := wine.Lock(dir + ".lock")
	if err != nil {
		return fmt.Errorf("another make -C lab e2e of this hcsshim runs: %w", err)
	}
	defer release()
	if err := j.printVersions(ctx); err != nil {
		return err
	}
	host, err := startWine(ctx, s.Wine)
	if err != nil {
		return err
	}
	defer host.Stop()
	if err := buildShims(ctx, j, dir); err != nil {
		return err
	}
	j.tell(s)
	what, which := "the real shims", "-skip=^TestCase$"
	if s.Case != "" {
		what, which = "one payload", "-run=^TestCase$"
	}
	side := fmt.Sprintf("-parallel=%d", 2*runtime.NumCPU()) // a shim waits for Wine's server, and a test for a hang
	skipped, err := j.goTest(ctx, what, nil, "-count=1", side, which, "./lab/windows")
	if err == nil && skipped > 0 {
		err = fmt.Errorf("%d tests of the real shims did not run", skipped)
	}
	return err
}

func buildShims(ctx context.Context, j *job, dir string) error {
	start := time.Now()
	fmt.Println("  building the shims for Windows; the first time this takes minutes")
	s, err := shims.Build(ctx, j.root, j.b.Source.Dir, dir)
	if err != nil {
		return err
	}
	fmt.Printf("  built in %.0f s: %s\n", time.Since(start).Seconds(), strings.Join(s.Names, ", "))
	if len(s.Names) == 1 {
		fmt.Println("  NOT RUN: containerd-shim-lcow-v2, because this hcsshim has none that reads BootstrapParams")
	}
	if s.StandIn != "" {
		fmt.Printf("  with a stand-in for %s, which cannot be had here\n", s.StandIn)
	}
	return nil
}

// e2eTools installs Wine and mingw-w64 on Debian.
func e2eTools(ctx context.Context, j *job) error {
	if wine.Installed() {
		fmt.Println("all that is needed is installed")
		return nil
	}
	return install(ctx, j.root, "wine64", "gcc-mingw-w64-x86-64")
}

// windowsPackages are those whose tests run under Wine, which has no Go. Up to its
// version 8 it does not remove the temporary folders of tests, either; inTemporary are the
// tests of these packages that have one.
var windowsPackages = []string{
	"./corpus/...", "./fuzz", "./internal/contract", "./internal/decoder",
	"./internal/findings", "./internal/grammar", "./internal/hcsshim", "./internal/reference", "./internal/stdin",
	"./internal/verdict", "./internal/verify", "./internal/wire", "./lab/compat/findings",
}

const inTemporary = "^Test(Keep|ReadCase|ReadExcused)$"

// underWine runs the suite's own tests and the extracted decoder as programs for Windows.
func underWine(ctx context.Context, j *job) error {
	if err := j.printVersions(ctx); err != nil {
		return err
	}
	host, err := startWine(ctx, filepath.Join(j.root, "build", "wine"))
	if err != nil {
		return err
	}
	defer host.Stop()
	flags, env := host.Tests()
	packages := windowsPackages
	if j.test.HCSShim != "" { // the other tests do not depend on the hcsshim under test
		packages = []string{"./corpus", "./fuzz"}
	}
	_, err = j.goTest(ctx, "the corpus's tests and the fuzz targets' seeds", env,
		slices.Concat(flags, []string{"-count=1", "-skip=" + inTemporary}, packages)...)
	if err != nil && !errors.Is(err, gocmd.ErrReported) {
		return err
	}
	// The enumeration of everything small would take too long.
	_, properties := j.goTest(ctx, "corpus and properties", env, append(flags, "-count=1", "./properties",
		"-skip=^TestWalk", fmt.Sprintf("-rapid.seed=%d", j.Seed), fmt.Sprintf("-rapid.checks=%d", j.Checks),
		"-rapid.nofailfile", "-rapid.shrinktime=3s")...)
	return errors.Join(err, properties)
}

func startWine(ctx context.Context, prefix string) (*wine.Host, error) {
	host, err := wine.Open(prefix)
	if err != nil {
		return nil, err
	}
	fmt.Println("  starting Wine; the first time this takes some seconds")
	if err := host.Start(ctx); err != nil {
		host.Stop()
		return nil, err
	}
	return host, nil
}
