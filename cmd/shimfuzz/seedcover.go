package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"shimfuzz/internal/hcsshim/extract"
	"shimfuzz/internal/ossfuzz"
)

// seedCoverage runs what was built for coverage on its seeds, as OSS-Fuzz makes
// its reports: from another folder, one profile a target.
func seedCoverage(ctx context.Context, b *extract.Build, builder ossfuzz.Builder, fuzzers []ossfuzz.Fuzzer) error {
	tree := filepath.Join(builder.Work(), "shimfuzz")
	fmt.Printf("\n%-16s %6s  %s\n", "target", "seeds", "statements of readOptions and what it reaches")
	for _, f := range fuzzers {
		seeds, n, err := unpackSeeds(f)
		if err != nil {
			return err
		}
		profile := filepath.Join(builder.Dir, f.Target+".cov")
		cmd := tool(ctx, b, filepath.Join(f.Dir, f.Target), "-test.v", "-test.coverprofile="+profile)
		cmd.Dir = f.Dir
		cmd.Env = append(append(cmd.Env, excusing(b)...), "FUZZ_CORPUS_DIR="+seeds)
		cmd.Stdout, cmd.Stderr = nil, nil
		out, err := cmd.CombinedOutput()
		if err != nil {
			return fmt.Errorf("%s: %w\n%s", f.Target, err, head(string(out)))
		}
		if strings.Count(string(out), "=== RUN ") != 1 || !strings.Contains(string(out), fmt.Sprintf("%d inputs", n)) {
			return fmt.Errorf("%s did not run on its %d seeds, and on them alone:\n%s", f.Target, n, out)
		}
		reached, all, err := extractedStatements(profile)
		if err != nil {
			return err
		}
		if reached == 0 {
			return fmt.Errorf("%s: its seeds reach nothing of readOptions", f.Target)
		}
		fmt.Printf("%-16s %6d  %d of %d\n", f.Target, n, reached, all)
		cmd = tool(ctx, b, "go", "tool", "cover", "-html="+profile, "-o", profile+".html")
		cmd.Dir = tree
		if err := reported(cmd); err != nil {
			return err
		}
	}
	fmt.Printf("\nreports: %s\n", fromHere(filepath.Join(builder.Dir, "*.html")))
	return nil
}

// extractedStatements counts the statements of the extracted code in a profile.
func extractedStatements(profile string) (reached, all int, err error) {
	file, err := os.Open(profile)
	if err != nil {
		return 0, 0, err
	}
	defer file.Close()
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		_, block, found := strings.Cut(lines.Text(), "shimfuzz/internal/hcsshim/zz_readoptions.go:")
		if !found {
			continue
		}
		var where string
		var statements, count int
		if _, err := fmt.Sscan(block, &where, &statements, &count); err != nil {
			return 0, 0, fmt.Errorf("%s: %w", profile, err)
		}
		all += statements
		if count > 0 {
			reached += statements
		}
	}
	if all == 0 {
		return 0, 0, errors.New(profile + " has nothing of the extracted code")
	}
	return reached, all, lines.Err()
}
