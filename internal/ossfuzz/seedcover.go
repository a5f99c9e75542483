package ossfuzz

import (
	"context"
	"errors"
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
	built, err := buildFuzzers(ctx, b, "coverage", b.Source.Dir, chosen)
	if err != nil {
		return err
	}
	defer built.remove()
	fmt.Printf("\n%-16s %6s  %s\n", "target", "seeds", "statements of readOptions and what it reaches")
	for _, f := range built.fuzzers {
		if err := seedCoverage(ctx, b, excusing(b, s), built, f); err != nil {
			return fmt.Errorf("%s: %w", f.Target, err)
		}
	}
	fmt.Printf("\nreports: %s\n", gocmd.FromHere(filepath.Join(built.Dir, "*.html")))
	return nil
}

func seedCoverage(ctx context.Context, b *extract.Build, s settings.Test, builder *Builder, f Fuzzer) error {
	profile := filepath.Join(builder.Dir, f.Target+".cov")
	cmd := b.Command(ctx, s, f.binary(), "-test.v", "-test.coverprofile="+profile)
	cmd.Dir = f.Dir
	cmd.Env = append(cmd.Env, "FUZZ_CORPUS_DIR="+f.seedDir())
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("%w\n%s", err, testrun.Head(string(out)))
	}
	if strings.Count(string(out), "=== RUN ") != 1 || !strings.Contains(string(out), fmt.Sprintf("%d inputs", f.seeds)) {
		return fmt.Errorf("it did not run on its %d seeds, and on them alone:\n%s", f.seeds, out)
	}
	reached, all, err := coverage.Extracted(profile)
	if err != nil {
		return err
	}
	if reached == 0 {
		return errors.New("its seeds reach nothing of readOptions")
	}
	fmt.Printf("%-16s %6d  %d of %d\n", f.Target, f.seeds, reached, all)
	cmd = gocmd.Command(ctx, filepath.Join(builder.Work(), "shimfuzz"), "go", "tool", "cover", "-html="+profile, "-o", profile+".html")
	return gocmd.Show(cmd)
}
