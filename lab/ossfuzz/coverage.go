package ossfuzz

import (
	"context"
	"errors"
	"fmt"
	"path"
	"strings"

	"golang.org/x/tools/cover"

	"shimfuzz/internal/gocmd"
	"shimfuzz/internal/hcsshim/extract"
	"shimfuzz/internal/settings"
	"shimfuzz/lab/workspace"
)

// report runs the test that compile_go_fuzzer makes of a fuzzer, from another folder, on its
// seeds alone, and writes what that reaches, which must be some of readOptions. typeurl must
// be in the profile, too.
func (b *builder) report(ctx context.Context, f fuzzer, s settings.Test) error {
	profile := b.path(f.target + ".cov")
	cmd := b.Command(ctx, s, f.binary(), "-test.v", "-test.run=^Test"+f.target+"Corpus$", "-test.coverprofile="+profile)
	cmd.Dir = f.dir
	cmd.Env = append(cmd.Env, "FUZZ_CORPUS_DIR="+f.seedDir())
	out, failed, err := workspace.Try(cmd)
	if err != nil {
		return err
	}
	if failed || strings.Count(out, "=== RUN ") != 1 || !strings.Contains(out, fmt.Sprintf("%d inputs", f.seeds)) {
		return fmt.Errorf("it did not run on its %d seeds, and on them alone:\n%s", f.seeds, tail(out, 60))
	}
	files, err := cover.ParseProfiles(profile)
	if err != nil {
		return err
	}
	reached, all := make(map[string]int), make(map[string]int) // statements by package
	for _, file := range files {
		for _, block := range file.Blocks {
			all[path.Dir(file.FileName)] += block.NumStmt
			reached[path.Dir(file.FileName)] += min(block.Count, 1) * block.NumStmt
		}
	}
	const typeurl = "github.com/containerd/typeurl/v2"
	if reached[extract.Module] == 0 || all[typeurl] == 0 {
		return errors.New("its seeds reach nothing of readOptions, or typeurl is not in the profile")
	}
	fmt.Printf("%-17s %6d  %d of %d, %d of %d\n", f.target, f.seeds, reached[extract.Module], all[extract.Module],
		reached[typeurl], all[typeurl])
	return gocmd.Show(gocmd.Command(ctx, b.path("work/shimfuzz"), "bash", "-e", "-c",
		`sed -i -f "$0" "$1"; go tool cover -html="$1" -o "$1.html"`, f.binary()+".gocovpath", profile))
}
