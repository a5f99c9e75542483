package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"slices"

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
	s := windows.Settings{Shims: filepath.Join(j.b.Dir, "e2e"), Seed: j.Seed, Checks: j.Checks}
	what, which := "the real shims", "-skip=^TestCase$"
	if j.file != "" {
		c, err := fuzz.ReadCase(j.file, "")
		if err != nil {
			return err
		}
		if c.Native {
			return fmt.Errorf("%s: want a payload as it is, not a file of Go's fuzzing engine", j.file)
		}
		s.Case, what, which = c.File, "one payload", "-run=^TestCase$"
	}
	host, err := j.startWine(ctx)
	if err != nil {
		return err
	}
	defer host.Stop()
	if err := shims.Build(ctx, j.root, j.b.Source.Dir, s.Shims); err != nil {
		return err
	}
	j.tell(s)
	side := fmt.Sprintf("-parallel=%d", 2*runtime.NumCPU()) // a shim waits for Wine's server, and a test for a hang
	_, err = j.goTest(ctx, what, nil, "-count=1", side, which, "./lab/windows")
	return err
}

// e2eTools installs Wine and mingw-w64 on Debian.
func e2eTools(ctx context.Context, j *job) error { return install(ctx, j.root, wine.Packages) }

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
	host, err := j.startWine(ctx)
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

// startWine says what is tested, and starts Wine.
func (j *job) startWine(ctx context.Context) (*wine.Host, error) {
	if err := j.printVersions(ctx); err != nil {
		return nil, err
	}
	return wine.Start(ctx, j.root)
}
