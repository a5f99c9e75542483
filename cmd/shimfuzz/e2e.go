package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"shimfuzz/internal/e2e/shims"
	"shimfuzz/internal/e2e/wine"
	"shimfuzz/internal/hcsshim/extract"
	"shimfuzz/internal/settings"
)

// e2e runs the real shims, built for Windows, on the corpus and on generated
// payloads, and holds them to the answers of the extracted readOptions. With
// CASE it shows what they do with that one.
func e2e(ctx context.Context, b *extract.Build) error {
	env, err := e2eSettings()
	if err != nil {
		return err
	}
	dir := filepath.Join(b.Dir, "e2e")
	env[settings.Wine] = filepath.Join(b.Root, "build", "wine")
	host, err := wine.Open(env[settings.Wine])
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	release, err := wine.Lock(filepath.Join(dir, "lock"))
	if err != nil {
		return fmt.Errorf("another make e2e of this hcsshim runs: %w", err)
	}
	defer release()
	if err := printVersions(ctx, b); err != nil {
		return err
	}
	if err := buildShims(ctx, b, dir); err != nil {
		return err
	}
	fmt.Println("  starting Wine; the first time this takes some seconds")
	defer host.Stop()
	if err := host.Start(ctx); err != nil {
		return err
	}
	for name, value := range env {
		if err := os.Setenv(name, value); err != nil {
			return err
		}
	}
	return e2eTests(ctx, b)
}

// e2eSettings are the user's choices, for the tests.
func e2eSettings() (map[string]string, error) {
	env := make(map[string]string)
	for _, s := range []struct{ name, usual, to string }{{"SEED", defaultSeed, settings.Seed}, {"CHECKS", defaultChecks, settings.Checks}} {
		env[s.to] = setting(s.name, s.usual)
		if n, err := strconv.Atoi(env[s.to]); err != nil || n < 0 {
			return nil, fmt.Errorf("%s=%s: want a number", s.name, env[s.to])
		}
	}
	if name := setting("CASE", ""); name != "" {
		c, err := findCase()
		if err != nil {
			return nil, err
		}
		if c.native {
			return nil, fmt.Errorf("CASE=%s: want a payload as it is, not a file of Go's fuzzing engine", name)
		}
		env[settings.Case] = c.file
	}
	return env, nil
}

func buildShims(ctx context.Context, b *extract.Build, dir string) error {
	start := time.Now()
	fmt.Println("  building the shims for Windows; the first time this takes minutes")
	s, err := shims.Build(ctx, b.Source.Dir, dir)
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
	return os.Setenv(settings.Shims, dir)
}

func e2eTests(ctx context.Context, b *extract.Build) error {
	what, which := "the real shims", "-skip=^TestCase$"
	if os.Getenv(settings.Case) != "" {
		what, which = "one payload", "-run=^TestCase$"
	}
	run := newTestRun()
	if err := run.packages(ctx, b, what, []string{"./internal/e2e"}, []string{"-count=1", which}, nil); err != nil {
		return err
	}
	if run.skipped > 0 {
		run.broken = append(run.broken, fmt.Sprintf("%d tests of the real shims did not run", run.skipped))
	}
	return run.finish()
}

// e2eTools installs Wine and mingw-w64 on Debian.
func e2eTools(ctx context.Context, b *extract.Build) error {
	if wine.Installed() {
		fmt.Println("Wine and mingw-w64 are installed")
		return nil
	}
	if os.Getuid() != 0 {
		return errors.New("installing needs root: apt-get install --no-install-recommends wine64 gcc-mingw-w64-x86-64")
	}
	for _, args := range [][]string{{"-qq", "update"}, {"-qq", "install", "-y", "--no-install-recommends", "wine64", "gcc-mingw-w64-x86-64"}} {
		cmd := tool(ctx, b, "apt-get", args...)
		cmd.Env = append(cmd.Env, "DEBIAN_FRONTEND=noninteractive")
		cmd.Stdout = nil
		if err := cmd.Run(); err != nil {
			return fmt.Errorf("apt-get %s: %w", args[1], err)
		}
	}
	if !wine.Installed() {
		return errors.New("the packages are installed, but Wine or mingw-w64 is not found")
	}
	fmt.Println("Wine and mingw-w64 are installed")
	return nil
}
