package mutants

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"shimfuzz/internal/findings"
	"shimfuzz/internal/gocmd"
	"shimfuzz/internal/hcsshim/extract"
	"shimfuzz/internal/settings"
	"shimfuzz/lab/workspace"
)

// historyReleases have, between them, every finding.
var historyReleases = []string{"v0.14.1", "v0.15.0"}

// historyLayers are the parts of the suite that have to find each finding.
var historyLayers = []layer{
	{pkg: "properties", args: []string{"-test.run=" + cheapTests}},
	{pkg: "properties", args: append([]string{"-test.skip=" + otherTests}, rapidArgs("300")...)},
	{pkg: "fuzz", args: []string{"-test.run=^Fuzz"}},
}

// History lets the suite find each known finding again, on a real release: all
// the others are excused, as if this one had just been made.
func History(ctx context.Context, root string) error {
	fmt.Printf("%-30s %-9s %18s %30s %26s\n", "finding", "hcsshim", "corpus", "properties, the first of",
		"fuzz targets, the first of")
	missed := 0
	for _, version := range historyReleases {
		release, err := extract.Prepare(root, version, "")
		if err != nil {
			return err
		}
		if err := gocmd.Show(release.Go(ctx, settings.Test{}, "test", "-c", "-vet=off",
			"-o", release.Dir+string(filepath.Separator), "./properties", "./fuzz")); err != nil {
			return err
		}
		for _, f := range findings.Of(findings.ReadOptions, version).Findings() {
			fmt.Printf("%-30s %-9s", f.Name, version)
			for i, l := range historyLayers {
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
	s := settings.Test{Findings: b.Source.Version + ",-" + finding, Decoder: "hcsshim"}
	cmd := b.Command(ctx, s, testBinary(b.Dir, l.pkg), append([]string{"-test.v"}, l.args...)...)
	cmd.Dir = filepath.Join(b.Root, l.pkg)
	out, _, err := workspace.Try(cmd)
	if err := errors.Join(ctx.Err(), err); err != nil {
		return nil, err
	}
	var found []discovery
	var passed time.Duration
	for _, m := range testResult.FindAllStringSubmatch(out, -1) {
		if seconds, err := strconv.ParseFloat(m[3], 64); err == nil {
			passed += time.Duration(seconds * float64(time.Second))
		}
		if m[1] == "FAIL" {
			found = append(found, discovery{m[2], passed})
		}
	}
	if len(found) > 0 && !strings.Contains(out, "finding    "+finding+": ") {
		return nil, fmt.Errorf("%s: %s fails, but nothing names %s", b.Source.Name, found[0].test, finding)
	}
	return found, nil
}

func foundBy(found []discovery) string {
	if len(found) == 0 {
		return "NOT FOUND"
	}
	return fmt.Sprintf("%s, %.1f s, %d", strings.TrimPrefix(found[0].test, "Test"), found[0].after.Seconds(),
		len(found))
}
