package ossfuzz

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"

	"golang.org/x/tools/cover"

	"shimfuzz/internal/gocmd"
	"shimfuzz/internal/hcsshim/extract"
	"shimfuzz/internal/settings"
	"shimfuzz/lab/workspace"
)

// Coverage builds the targets for coverage and runs them on their seeds, as OSS-Fuzz makes
// its reports: from another folder, one profile a target, of the test that
// fuzzer_function_names.json has for it.
func Coverage(ctx context.Context, e *extract.Build, s settings.Test) error {
	b, err := build(ctx, e, "coverage")
	if err != nil {
		return err
	}
	defer os.RemoveAll(b.moved)
	text, err := os.ReadFile(filepath.Join(b.moved, "fuzzer_function_names.json"))
	if err != nil {
		return err
	}
	var tests map[string]string
	if err := json.Unmarshal(text, &tests); err != nil {
		return fmt.Errorf("fuzzer_function_names.json: %w", err)
	}
	s.Findings = cmp.Or(s.Findings, e.Source.Version)
	all, err := b.fuzzers()
	if err != nil {
		return err
	}
	fmt.Printf("\n%-17s %6s  %s\n", "target", "seeds", "statements of readOptions and what it reaches, and of typeurl")
	for _, f := range all {
		if err := b.report(ctx, f, s, tests[f.target]); err != nil {
			return fmt.Errorf("%s: %w", f.target, err)
		}
	}
	fmt.Printf("\nreports: %s\n", gocmd.FromHere(filepath.Join(b.dir, "*.html")))
	return nil
}

// report runs a fuzzer's test on its seeds, and writes what that reaches.
func (b *builder) report(ctx context.Context, f fuzzer, s settings.Test, test string) error {
	profile := filepath.Join(b.dir, f.target+".cov")
	cmd := b.Command(ctx, s, f.binary(), "-test.v", "-test.run=^"+test+"$", "-test.coverprofile="+profile)
	cmd.Dir = f.dir
	cmd.Env = append(cmd.Env, "FUZZ_CORPUS_DIR="+f.seedDir())
	out, failed, err := workspace.Try(cmd)
	if err != nil {
		return err
	}
	if failed || strings.Count(out, "=== RUN ") != 1 || !strings.Contains(out, fmt.Sprintf("%d inputs", f.seeds)) {
		return fmt.Errorf("it did not run on its %d seeds, and on them alone:\n%s", f.seeds, tail(out, 60))
	}
	if err := printReached(f, profile); err != nil {
		return err
	}
	paths := filepath.Join(f.dir, f.target+".gocovpath")
	if err := gocmd.Show(gocmd.Command(ctx, f.dir, "sed", "-i", "-f", paths, profile)); err != nil {
		return err
	}
	return gocmd.Show(gocmd.Command(ctx, filepath.Join(b.work(), "shimfuzz"), "go", "tool", "cover", "-html="+profile,
		"-o", profile+".html"))
}

// printReached prints how many statements of the extracted code and of typeurl a fuzzer's
// seeds reach. Its profile must have both.
func printReached(f fuzzer, profile string) error {
	profiles, err := cover.ParseProfiles(profile)
	if err != nil {
		return err
	}
	reached, all := make(map[string]int), make(map[string]int) // by package
	for _, p := range profiles {
		for _, block := range p.Blocks {
			all[path.Dir(p.FileName)] += block.NumStmt
			if block.Count > 0 {
				reached[path.Dir(p.FileName)] += block.NumStmt
			}
		}
	}
	const typeurl = "github.com/containerd/typeurl/v2"
	if reached[extract.Module] == 0 || all[typeurl] == 0 {
		return errors.New("its seeds reach nothing of readOptions, or typeurl is not in the profile")
	}
	fmt.Printf("%-17s %6d  %d of %d, %d of %d\n", f.target, f.seeds, reached[extract.Module], all[extract.Module],
		reached[typeurl], all[typeurl])
	return nil
}
