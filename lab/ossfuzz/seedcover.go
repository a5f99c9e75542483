package ossfuzz

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"shimfuzz/fuzz"
	"shimfuzz/internal/gocmd"
	"shimfuzz/internal/hcsshim/extract"
	"shimfuzz/internal/settings"
	"shimfuzz/lab/testrun"
)

// Coverage builds the chosen targets for coverage and runs them on their seeds,
// as OSS-Fuzz makes its reports: from another folder, one profile a target, of the
// test that fuzzer_function_names.json has for it.
func Coverage(ctx context.Context, b *extract.Build, s settings.Test, chosen []string) error {
	fmt.Printf("oss-fuzz/build.sh on hcsshim %s, for coverage\n", b.Source.Name)
	built, err := buildFuzzers(ctx, b, "coverage", b.Source.Dir, chosen)
	if err != nil {
		return err
	}
	defer built.remove()
	text, err := os.ReadFile(filepath.Join(built.moved, "fuzzer_function_names.json"))
	if err != nil {
		return err
	}
	var tests map[string]string
	if err := json.Unmarshal(text, &tests); err != nil {
		return fmt.Errorf("fuzzer_function_names.json: %w", err)
	}
	if have := slices.Sorted(maps.Keys(tests)); !slices.Equal(have, slices.Sorted(slices.Values(fuzz.Names()))) {
		return fmt.Errorf("fuzzer_function_names.json names %q", have)
	}
	fmt.Printf("\n%-17s %6s  %s\n", "target", "seeds", "statements of readOptions and what it reaches, and of typeurl")
	for _, f := range built.fuzzers {
		if err := seedCoverage(ctx, b, excusing(b, s), built, f, tests[f.Target]); err != nil {
			return fmt.Errorf("%s: %w", f.Target, err)
		}
	}
	fmt.Printf("\nreports: %s\n", gocmd.FromHere(filepath.Join(built.Dir, "*.html")))
	return nil
}

func seedCoverage(ctx context.Context, b *extract.Build, s settings.Test, builder *Builder, f Fuzzer,
	test string) error {
	profile := filepath.Join(builder.Dir, f.Target+".cov")
	cmd := b.Command(ctx, s, f.binary(), "-test.v", "-test.run=^"+test+"$", "-test.coverprofile="+profile)
	cmd.Dir = f.Dir
	cmd.Env = append(cmd.Env, "FUZZ_CORPUS_DIR="+f.seedDir())
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("%w\n%s", err, testrun.Head(string(out)))
	}
	if strings.Count(string(out), "=== RUN ") != 1 || !strings.Contains(string(out),
		fmt.Sprintf("%d inputs", f.seeds)) {
		return fmt.Errorf("it did not run on its %d seeds, and on them alone:\n%s", f.seeds, out)
	}
	extracted, typeurl, err := reachedBySeeds(profile)
	if err != nil {
		return err
	}
	if extracted.reached == 0 {
		return errors.New("its seeds reach nothing of readOptions")
	}
	fmt.Printf("%-17s %6d  %d of %d, %d of %d\n", f.Target, f.seeds, extracted.reached, extracted.all, typeurl.reached,
		typeurl.all)
	paths := filepath.Join(f.Dir, f.Target+".gocovpath")
	if err := gocmd.Show(gocmd.Command(ctx, f.Dir, "sed", "-i", "-f", paths, profile)); err != nil {
		return err
	}
	cmd = gocmd.Command(ctx, filepath.Join(builder.Work(), "shimfuzz"), "go", "tool", "cover", "-html="+profile, "-o",
		profile+".html")
	return gocmd.Show(cmd)
}
