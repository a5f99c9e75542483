package ossfuzz

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/tools/cover"

	"shimfuzz/fuzz"
	"shimfuzz/internal/gocmd"
	"shimfuzz/internal/hcsshim/extract"
	"shimfuzz/internal/settings"
	"shimfuzz/lab/workspace"
)

// heads are those of the tables that Check prints, one for each of OSS-Fuzz's two builds.
var heads = []struct{ sanitizer, text string }{
	{"address", fmt.Sprintf("%46s\n%-17s %10s %7s %9s %7s %7s %11s", "edges of:", "target", "ASan calls", "seeds",
		"no seed", "seeds", "the end", "executions")},
	{"coverage", fmt.Sprintf("%60s\n%-17s %7s %25s %10s", "statements that the seeds reach:", "target", "seeds",
		"of readOptions and Create", "of typeurl")},
}

// Check runs oss-fuzz/build.sh in a stand-in for OSS-Fuzz's builder. It holds what that makes
// to the checks of that infrastructure, and to more, while each target fuzzes for the
// budget, and makes the reports of coverage.
func Check(ctx context.Context, e *extract.Build, s settings.Test, budget time.Duration) (red error) {
	s.Findings = cmp.Or(s.Findings, e.Source.Version) // to the fuzzers it is a checkout
	for _, head := range heads {
		b, err := build(ctx, e, head.sanitizer)
		if err != nil {
			return err
		}
		defer os.RemoveAll(b.moved)
		fmt.Printf("\n%s\n", head.text)
		for _, f := range b.fuzzers {
			if head.sanitizer == "address" {
				err = f.check(ctx, s, budget)
			} else {
				err = b.report(ctx, f, s)
			}
			if err != nil && !errors.Is(err, gocmd.ErrReported) {
				return fmt.Errorf("%s: %w", f.target, err)
			}
			red = cmp.Or(red, err)
		}
	}
	fmt.Printf("\nreports: %s\n", gocmd.FromHere(filepath.Join(e.Dir, "oss-fuzz", "coverage", "*.html")))
	return red
}

// check makes the checks of a fuzzer: it is one of libFuzzer's, with AddressSanitizer in it,
// that runs on its seeds. Then it fuzzes, and says how to replay what it finds.
func (f fuzzer) check(ctx context.Context, s settings.Test, budget time.Duration) error {
	calls, errCalls := f.asanCalls(ctx)
	four, errFour := f.run(ctx, s, "-seed=1337", "-runs=4")
	r, err := f.fuzz(ctx, s, budget, f.seedDir())
	switch err := errors.Join(errCalls, errFour, err); {
	case err != nil:
		return err
	case calls < 1000: // which bad_build_check asks for
		return fmt.Errorf("%d calls to AddressSanitizer, want 1000", calls)
	case four.failed || four.executions != 4: // likewise
		return fmt.Errorf("-runs=4 does not end well: %s", four.report)
	case r.failed:
		fmt.Printf("%s failed:\n%s\n  make repro %s TARGET=%s   (or make keep)\n", f.target, r.report,
			s.CaseArguments(r.crash), f.target)
		return gocmd.ErrReported
	case r.inputs < f.seeds || r.first <= four.first:
		return fmt.Errorf("it runs on %d of %d seeds, which reach %d edges, and no seed %d", r.inputs, f.seeds,
			r.first, four.first)
	}
	fmt.Printf("%-17s %10d %7d %9d %7d %7d %11d\n", f.target, calls, f.seeds, four.first, r.first, r.last,
		r.executions)
	return nil
}

// provenOn is a release with two well-known defects, which the fuzzers must find.
const provenOn = "v0.14.1"

// Prove proves that what build.sh makes finds bugs, as it would have in real life: from an
// empty corpus and from the seeds it finds each defect that is not excused, and that is one
// of hcsshim itself.
func Prove(ctx context.Context, root string, budget time.Duration) error {
	e, err := extract.Prepare(root, provenOn, "")
	if err != nil {
		return err
	}
	b, err := build(ctx, e, "address")
	if err != nil {
		return err
	}
	defer os.RemoveAll(b.moved)
	raw := b.fuzzers[slices.Index(fuzz.Names(), fuzz.Raw)]
	fmt.Printf("\n%-34s %-28s %12s\n", raw.target+" starting from", "finds", "executions")
	itself := settings.Test{HCSShim: provenOn, Findings: "none"}
	for _, from := range [][]string{{"an empty corpus and the dictionary"}, {"the seeds", raw.seedDir()}} {
		for _, finding := range []string{"bootstrap-rejected", "foreign-type-panics"} {
			r, err := raw.fuzz(ctx, settings.Test{Findings: provenOn + ",-" + finding}, budget, from[1:]...)
			switch {
			case err != nil:
				return err
			case r.crash == "":
				return fmt.Errorf("from %s %s was not found and kept in %v\n%s", from[0], finding, budget, r.report)
			case r.group == "":
				return fmt.Errorf("%s is in no group of ClusterFuzz's:\n%s", finding, r.report)
			}
			out, _, err := workspace.Try(e.Go(ctx, itself, "run", "./cmd/shimfuzz", "repro", "-case="+r.crash))
			if err != nil || !strings.Contains(out, "finding    "+finding+": ") {
				return fmt.Errorf("what was found is not %s on hcsshim itself: %v\n%s", finding, err, out)
			}
			fmt.Printf("%-34s %-28s %12d\n  %s\n  make repro %s\n", from[0], finding, r.executions, r.group,
				itself.CaseArguments(r.crash))
		}
	}
	return nil
}

// report runs the test that compile_go_fuzzer makes of a fuzzer, from another folder, on its
// seeds alone, and writes what that reaches: some of hcsshim's own code, of which readOptions
// and the handlers of CreateTaskRequest are one package. typeurl must be in the profile, too.
func (b *builder) report(ctx context.Context, f fuzzer, s settings.Test) error {
	s.HCSShim = b.path("src/hcsshim") // which is what build.sh has put under test
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
	of := func(pkg string) string { return fmt.Sprintf("%d of %d", reached[pkg], all[pkg]) }
	fmt.Printf("%-17s %7d %25s %10s\n", f.target, f.seeds, of(extract.Module), of(typeurl))
	return gocmd.Show(gocmd.Command(ctx, b.path("work/shimfuzz"), "bash", "-e", "-c",
		`sed -i -f "$0" "$1"; go tool cover -html="$1" -o "$1.html"`, f.binary()+".gocovpath", profile))
}
