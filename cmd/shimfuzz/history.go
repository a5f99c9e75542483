package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"shimfuzz/internal/findings"
	"shimfuzz/internal/hcsshim/extract"
	"shimfuzz/internal/settings"
)

// historyReleases have, between them, every finding.
var historyReleases = []string{"v0.14.1", "v0.15.0"}

// history lets the suite find each known finding anew, on a real release: all
// the others are excused, as if this one had just been made.
func history(ctx context.Context, b *extract.Build) error {
	fmt.Printf("%-30s %-9s %18s %30s %26s\n", "finding", "hcsshim", "corpus", "properties, the first of", "fuzz targets, the first of")
	missed := 0
	for _, version := range historyReleases {
		release, err := extract.Prepare(b.Root, version)
		if err != nil {
			return err
		}
		if err := buildTests(ctx, release); err != nil {
			return err
		}
		for _, f := range findings.For(version).Findings {
			fmt.Printf("%-30s %-9s", f.Name, version)
			for i, l := range layers[:3] {
				found, err := historyLayer(ctx, release, l, f.Name)
				if err != nil {
					return err
				}
				if len(found) == 0 {
					missed++
				}
				fmt.Printf(" %*s", []int{18, 30, 26}[i], foundBy(found))
			}
			fmt.Println()
		}
	}
	fmt.Println("\nSee one: make test HCSSHIM=<hcsshim> FINDINGS=<hcsshim>,-<finding>")
	if missed > 0 {
		return fmt.Errorf("%d times a part of the suite found nothing", missed)
	}
	return nil
}

// buildTests builds the test binaries of a release's own build.
func buildTests(ctx context.Context, b *extract.Build) error {
	for _, pkg := range []string{"properties", "fuzz"} {
		if err := reported(goTool(ctx, b, "test", "-c", "-vet=off", "-o", testBinary(b.Dir, pkg), "./"+pkg)); err != nil {
			return err
		}
	}
	return nil
}

// discovery is a test that found something.
type discovery struct {
	test  string
	after time.Duration
}

var testResult = regexp.MustCompile(`(?m)^--- (PASS|FAIL): (\w+) \(([0-9.]+)s\)`)

// historyLayer runs a layer with every finding excused but one, and returns the
// tests that found it, in the order in which they ran, with the time from the
// layer's start. Tests that fail, where none names the finding, are an error.
func historyLayer(ctx context.Context, b *extract.Build, l layer, finding string) ([]discovery, error) {
	cmd := tool(ctx, b, testBinary(b.Dir, l.pkg), append([]string{"-test.v"}, l.args...)...)
	cmd.Dir = filepath.Join(b.Root, l.pkg)
	cmd.Env = append(cmd.Env, settings.Findings+"="+b.Source.Version+",-"+finding, settings.Decoder+"=hcsshim")
	cmd.Stdout, cmd.Stderr = nil, nil
	out, err := cmd.CombinedOutput()
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		return nil, err
	}
	var found []discovery
	var passed time.Duration
	for _, m := range testResult.FindAllStringSubmatch(string(out), -1) {
		if seconds, err := strconv.ParseFloat(m[3], 64); err == nil {
			passed += time.Duration(seconds * float64(time.Second))
		}
		if m[1] == "FAIL" {
			found = append(found, discovery{m[2], passed})
		}
	}
	named := slices.ContainsFunc(findingRow.FindAllStringSubmatch(string(out), -1), func(m []string) bool { return m[1] == finding })
	if len(found) > 0 && !named {
		return nil, fmt.Errorf("%s: %s fails, but nothing names %s", b.Source.Name, found[0].test, finding)
	}
	return found, nil
}

func foundBy(found []discovery) string {
	if len(found) == 0 {
		return "NOT FOUND"
	}
	return fmt.Sprintf("%s, %.1f s, %d", strings.TrimPrefix(found[0].test, "Test"), found[0].after.Seconds(), len(found))
}

// steady runs the properties with many seeds: what fails with one of them only
// is a finding, or a bug of the suite.
func steady(ctx context.Context, b *extract.Build) error {
	if err := printVersions(ctx, b); err != nil {
		return err
	}
	seeds, err := strconv.Atoi(setting("SEEDS", "100"))
	if err != nil || seeds < 1 {
		return fmt.Errorf("SEEDS=%s: want how many seeds to try", os.Getenv("SEEDS"))
	}
	if err := buildTests(ctx, b); err != nil {
		return err
	}
	failed, shown := 0, time.Now()
	for seed := 1; seed <= seeds; seed++ {
		args := []string{"-test.skip=" + cheapTests + "|" + costlyTests, "-rapid.seed=" + strconv.Itoa(seed), "-rapid.checks=" + setting("CHECKS", defaultChecks), "-rapid.nofailfile"}
		cmd := tool(ctx, b, testBinary(b.Dir, "properties"), args...)
		cmd.Dir = filepath.Join(b.Root, "properties")
		cmd.Stdout, cmd.Stderr = nil, nil
		out, err := cmd.CombinedOutput()
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			failed++
			fmt.Printf("\nFAIL  with SEED=%d\n%s", seed, head(string(out)))
		}
		if time.Since(shown) > 20*time.Second {
			shown = time.Now()
			fmt.Printf("  %d of %d seeds, %d failed\n", seed, seeds, failed)
		}
	}
	fmt.Printf("%d seeds, %s checks of each property on each decoder: %d failed\n", seeds, setting("CHECKS", defaultChecks), failed)
	if failed > 0 {
		return errReported
	}
	return nil
}
