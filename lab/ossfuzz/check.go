package ossfuzz

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"shimfuzz/fuzz"
	"shimfuzz/internal/gocmd"
	"shimfuzz/internal/hcsshim/extract"
	"shimfuzz/internal/settings"
	"shimfuzz/lab/workspace"
)

// Check runs oss-fuzz/build.sh in a stand-in for OSS-Fuzz's builder and holds what it makes
// to the checks of that infrastructure, and to more, while each target fuzzes for the budget.
func Check(ctx context.Context, e *extract.Build, s settings.Test, budget time.Duration) (red error) {
	b, err := build(ctx, e, "address")
	if err != nil {
		return err
	}
	defer os.RemoveAll(b.moved)
	s.Findings = cmp.Or(s.Findings, e.Source.Version) // to the fuzzers it is a checkout
	fmt.Printf("\neach target fuzzes for %v\n\n%46s\n%-17s %10s %7s %9s %7s %7s %11s %9s\n", budget, "edges of:",
		"target", "ASan calls", "seeds", "no seed", "seeds", "the end", "executions", "a second")
	for _, f := range b.fuzzers {
		r, err := f.check(ctx, s, budget)
		if err != nil {
			return fmt.Errorf("%s: %w", f.target, err)
		}
		if r.failed {
			red = gocmd.ErrReported
			fmt.Printf("%s failed:\n%s\n%s\n", f.target, r.report, f.replay(s, r.crash))
		}
	}
	return red
}

// check makes the checks of a fuzzer: it is one of libFuzzer's, with AddressSanitizer in it,
// that runs on its seeds. Then it fuzzes.
func (f fuzzer) check(ctx context.Context, s settings.Test, budget time.Duration) (result, error) {
	calls, errCalls := f.asanCalls(ctx)
	four, errFour := f.run(ctx, s, "-seed=1337", "-runs=4")
	r, err := f.fuzz(ctx, s, budget, f.seedDir())
	switch err := errors.Join(errCalls, errFour, err); {
	case err != nil:
		return r, err
	case calls < 1000: // which bad_build_check asks for
		return r, fmt.Errorf("%d calls to AddressSanitizer, want 1000", calls)
	case four.failed || four.executions != 4: // likewise
		return r, fmt.Errorf("-runs=4 does not end well: %s", four.report)
	case r.failed:
		return r, nil
	case r.inputs < f.seeds || r.first <= four.first:
		return r, fmt.Errorf("it runs on %d of %d seeds, which reach %d edges, and no seed %d", r.inputs, f.seeds,
			r.first, four.first)
	}
	fmt.Printf("%-17s %10d %7d %9d %7d %7d %11d %9.0f\n", f.target, calls, f.seeds, four.first, r.first, r.last,
		r.executions, float64(r.executions)/r.seconds)
	return r, nil
}

// replay says how to replay and how to keep what a fuzzer has found.
func (f fuzzer) replay(s settings.Test, file string) string {
	if file == "" {
		return "  the fuzzer kept no input"
	}
	arguments := s.CaseArguments(file) + " TARGET=" + f.target
	return "  make repro " + arguments + "\n  make keep " + arguments
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
	fmt.Printf("\n%-34s %-28s %8s %12s\n", raw.target+" starting from", "finds", "seconds", "executions")
	itself := settings.Test{HCSShim: provenOn, Findings: "none"}
	for _, from := range [][]string{{"an empty corpus and the dictionary"}, {"the seeds", raw.seedDir()}} {
		for _, finding := range []string{"bootstrap-rejected", "foreign-type-panics"} {
			r, err := raw.fuzz(ctx, settings.Test{Findings: provenOn + ",-" + finding}, budget, from[1:]...)
			if err != nil {
				return err
			}
			if r.crash == "" {
				return fmt.Errorf("from %s %s was not found and kept in %v\n%s", from[0], finding, budget, r.report)
			}
			if r.group == "" {
				return fmt.Errorf("%s is in no group of ClusterFuzz's:\n%s", finding, r.report)
			}
			out, _, err := workspace.Try(e.Go(ctx, itself, "run", "./cmd/shimfuzz", "repro", "-case="+r.crash))
			if err != nil {
				return err
			}
			if !strings.Contains(out, "finding    "+finding+": ") {
				return fmt.Errorf("what was found is not %s on hcsshim itself:\n%s", finding, out)
			}
			fmt.Printf("%-34s %-28s %8.1f %12d\n  %s\n  make repro %s\n", from[0], finding, r.seconds, r.executions,
				r.group, itself.CaseArguments(r.crash))
		}
	}
	return nil
}
