package ossfuzz

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"

	"shimfuzz/internal/coverage"
	"shimfuzz/internal/gocmd"
	"shimfuzz/internal/hcsshim/extract"
	"shimfuzz/internal/settings"
	"shimfuzz/internal/testrun"
)

// Coverage builds the chosen targets for coverage and runs them on their seeds,
// as OSS-Fuzz makes its reports: from another folder, one profile a target.
func Coverage(ctx context.Context, b *extract.Build, s settings.Test, chosen []string) error {
	fmt.Printf("oss-fuzz/build.sh on hcsshim %s, for coverage\n", b.Source.Name)
	builder, err := buildFuzzers(ctx, b, "coverage", b.Source.Dir)
	if err != nil {
		return err
	}
	fuzzers, remove, err := moveOut(builder, chosen)
	if err != nil {
		return err
	}
	defer remove()
	fmt.Printf("\n%-16s %6s  %s\n", "target", "seeds", "statements of readOptions and what it reaches")
	for _, f := range fuzzers {
		if err := seedCoverage(ctx, b, excusing(b, s), builder, f); err != nil {
			return fmt.Errorf("%s: %w", f.Target, err)
		}
	}
	fmt.Printf("\nreports: %s\n", gocmd.FromHere(filepath.Join(builder.Dir, "*.html")))
	return nil
}

func seedCoverage(ctx context.Context, b *extract.Build, s settings.Test, builder Builder, f Fuzzer) error {
	seeds, n, err := unpackSeeds(f)
	if err != nil {
		return err
	}
	profile := filepath.Join(builder.Dir, f.Target+".cov")
	cmd := b.Command(ctx, s, f.binary(), "-test.v", "-test.coverprofile="+profile)
	cmd.Dir = f.Dir
	cmd.Env = append(cmd.Env, "FUZZ_CORPUS_DIR="+seeds)
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("%w\n%s", err, testrun.Head(string(out)))
	}
	if strings.Count(string(out), "=== RUN ") != 1 || !strings.Contains(string(out), fmt.Sprintf("%d inputs", n)) {
		return fmt.Errorf("it did not run on its %d seeds, and on them alone:\n%s", n, out)
	}
	reached, all, err := coverage.Extracted(profile)
	if err != nil {
		return err
	}
	if reached == 0 {
		return fmt.Errorf("its seeds reach nothing of readOptions")
	}
	fmt.Printf("%-16s %6d  %d of %d\n", f.Target, n, reached, all)
	cmd = gocmd.Command(ctx, filepath.Join(builder.Work(), "shimfuzz"), "go", "tool", "cover", "-html="+profile, "-o", profile+".html")
	return gocmd.Show(cmd)
}
