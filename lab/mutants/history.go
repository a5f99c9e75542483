package mutants

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"shimfuzz/internal/findings"
	"shimfuzz/internal/gocmd"
	"shimfuzz/internal/hcsshim/extract"
	"shimfuzz/internal/settings"
	"shimfuzz/lab/workspace"
)

// historyReleases have, between them, every finding.
var historyReleases = []string{"v0.14.1", "v0.15.0"}

// History lets the corpus, the properties and the fuzz targets each find each known finding
// again, on a real release: all the others are excused, as if this one had just been made.
func History(ctx context.Context, root string) error {
	const row = "%-30s %-9s %18s %30s %26s\n"
	fmt.Printf(row, "finding", "hcsshim", "corpus", "properties, the first of", "fuzz targets, the first of")
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
			columns := []any{f.Name, version}
			for _, l := range []layer{corpusLayer, propertiesLayer, seedsLayer} {
				found, err := discovery(ctx, release, l, f.Name)
				if err != nil {
					return err
				}
				if found == "" {
					missed++
					found = "NOT FOUND"
				}
				columns = append(columns, found)
			}
			fmt.Printf(row, columns...)
		}
	}
	fmt.Println("\nSee one: make test HCSSHIM=<hcsshim> FINDINGS=<hcsshim>,-<finding>")
	if missed > 0 {
		return fmt.Errorf("%d times a part of the suite found nothing", missed)
	}
	return nil
}

var testResult = regexp.MustCompile(`(?m)^--- (PASS|FAIL): (\w+) \(([0-9.]+)s\)`)

// discovery runs a layer with every finding excused but one. It says which test is the first
// to find that, the time from the layer's start, and how many tests do; "" if none does.
// Tests that fail, where none names the finding, are an error.
func discovery(ctx context.Context, b *extract.Build, l layer, finding string) (string, error) {
	s := settings.Test{Findings: b.Source.Version + ",-" + finding, Decoder: "hcsshim"}
	out, _, err := workspace.Try(l.command(ctx, b, b.Dir, s, "-test.v"))
	if err := errors.Join(ctx.Err(), err); err != nil {
		return "", err
	}
	first, after, failed := "", 0.0, 0
	for _, m := range testResult.FindAllStringSubmatch(out, -1) {
		if seconds, err := strconv.ParseFloat(m[3], 64); err == nil && failed == 0 {
			after += seconds
		}
		if m[1] == "FAIL" {
			first = cmp.Or(first, strings.TrimPrefix(m[2], "Test"))
			failed++
		}
	}
	switch {
	case failed == 0:
		return "", nil
	case !strings.Contains(out, "finding    "+finding+": "):
		return "", fmt.Errorf("%s: %s fails, but nothing names %s", b.Source.Name, first, finding)
	}
	return fmt.Sprintf("%s, %.1f s, %d", first, after, failed), nil
}
