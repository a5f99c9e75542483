package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"shimfuzz/internal/settings"
	"shimfuzz/lab/testrun"
	"shimfuzz/lab/windows/shims"
	"shimfuzz/lab/windows/wine"
)

// e2e runs the real shims, built for Windows, on the corpus and on generated
// payloads, and holds them to the answers of the extracted readOptions. With
// CASE it shows what they do with that one.
func e2e(ctx context.Context, j *job) error {
	dir := filepath.Join(j.b.Dir, "e2e")
	s := &settings.E2E{Shims: dir, Wine: filepath.Join(j.root, "build", "wine"), Seed: int(j.seed),
		Checks: int(j.checks)}
	if j.file != "" {
		c, err := j.readCase()
		if err != nil {
			return err
		}
		if c.Native {
			return fmt.Errorf("%s: want a payload as it is, not a file of Go's fuzzing engine", c.Name)
		}
		s.Case = c.File
	}
	host, err := wine.Open(s.Wine)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	release, err := wine.Lock(filepath.Join(dir, "lock"))
	if err != nil {
		return fmt.Errorf("another make -C lab e2e of this hcsshim runs: %w", err)
	}
	defer release()
	if err := j.printVersions(ctx); err != nil {
		return err
	}
	if err := buildShims(ctx, j.b.Source.Dir, dir); err != nil {
		return err
	}
	if err := shims.BuildClient(ctx, j.root, dir); err != nil {
		return err
	}
	fmt.Println("  starting Wine; the first time this takes some seconds")
	defer host.Stop()
	if err := host.Start(ctx); err != nil {
		return err
	}
	j.test.E2E = s
	return e2eTests(ctx, j)
}

func buildShims(ctx context.Context, source, dir string) error {
	start := time.Now()
	fmt.Println("  building the shims for Windows; the first time this takes minutes")
	s, err := shims.Build(ctx, source, dir)
	if err != nil {
		return err
	}
	programs := filepath.Base(s.RunhcsV1)
	if s.LcowV2 != "" {
		programs += ", " + filepath.Base(s.LcowV2)
	}
	fmt.Printf("  built in %.0f s: %s\n", time.Since(start).Seconds(), programs)
	if s.LcowV2 == "" {
		fmt.Println("  NOT RUN: containerd-shim-lcow-v2, because this hcsshim has none that reads BootstrapParams")
	}
	if s.StandIn != "" {
		fmt.Printf("  with a stand-in for %s, which cannot be had here\n", s.StandIn)
	}
	return nil
}

func e2eTests(ctx context.Context, j *job) error {
	what, which := "the real shims", "-skip=^TestCase$"
	if j.test.E2E.Case != "" {
		what, which = "one payload", "-run=^TestCase$"
	}
	run := testrun.New()
	side := fmt.Sprintf("-parallel=%d", 2*runtime.NumCPU()) // a shim waits for Wine's server, and a test for a hang
	if err := run.Packages(ctx, j.b, j.test, what, "-count=1", side, which, "./lab/windows"); err != nil {
		return err
	}
	if run.Skipped > 0 {
		run.Broken = append(run.Broken, fmt.Sprintf("%d tests of the real shims did not run", run.Skipped))
	}
	return run.Finish()
}

// e2eTools installs Wine and mingw-w64 on Debian.
func e2eTools(ctx context.Context, j *job) error {
	if wine.Installed() {
		fmt.Println("Wine and mingw-w64 are installed")
		return nil
	}
	if err := aptInstall(ctx, j.root, "wine64", "gcc-mingw-w64-x86-64"); err != nil {
		return err
	}
	if !wine.Installed() {
		return errors.New("the packages are installed, but Wine or mingw-w64 is not found")
	}
	fmt.Println("Wine and mingw-w64 are installed")
	return nil
}
