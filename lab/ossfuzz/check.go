package ossfuzz

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"shimfuzz/corpus"
	"shimfuzz/fuzz"
	"shimfuzz/internal/findings"
	"shimfuzz/internal/gocmd"
	"shimfuzz/internal/hcsshim/extract"
	"shimfuzz/internal/settings"
	"shimfuzz/lab/workspace"
)

// Check runs oss-fuzz/build.sh in a stand-in for OSS-Fuzz's builder and holds what it makes
// to the checks of that infrastructure, and to more. Then each target fuzzes for the budget.
func Check(ctx context.Context, e *extract.Build, s settings.Test, budget time.Duration) error {
	b, err := build(ctx, e, "address")
	if err != nil {
		return err
	}
	defer os.RemoveAll(b.moved)
	s.Findings = cmp.Or(s.Findings, e.Source.Version) // to the fuzzers it is a checkout
	fmt.Printf("\n%-17s %10s %7s %7s   %s\n", "target", "ASan calls", "4 runs", "seeds",
		"coverage in edges: empty corpus, seeds")
	for _, f := range b.fuzzers {
		if err := f.check(ctx, s); err != nil {
			return fmt.Errorf("%s: %w", f.target, err)
		}
	}
	if err := checkGroups(ctx, e.Source.Version, b.fuzzers); err != nil {
		return err
	}
	return fuzzAll(ctx, s, b.fuzzers, budget)
}

// check makes the checks of a fuzzer that need no time: it is one of libFuzzer's, with
// AddressSanitizer in it, that runs on its seeds.
func (f fuzzer) check(ctx context.Context, s settings.Test) error {
	calls, errCalls := f.asanCalls(ctx)
	four, errFour := f.run(ctx, s, "-seed=1337", "-runs=4")
	all, errAll := f.run(ctx, s, "-runs=0", f.seedDir())
	switch err := errors.Join(errCalls, errFour, errAll); {
	case err != nil:
		return err
	case calls < 1000: // which bad_build_check asks for
		return fmt.Errorf("%d calls to AddressSanitizer, want 1000", calls)
	case four.failed || !four.done || four.executions != 4:
		return fmt.Errorf("-runs=4 did not end with \"Done 4 runs\": %s", four.report)
	case all.failed || !all.done || all.executions < f.seeds:
		return fmt.Errorf("it fails on a seed, or runs on %d of %d:\n%s\n%s", all.executions, f.seeds, all.report,
			f.replay(s, all.crash))
	case all.last <= four.first:
		return fmt.Errorf("the seeds reach %d edges, an empty corpus %d", all.last, four.first)
	}
	fmt.Printf("%-17s %10d %7s %7d   %d, %d\n", f.target, calls, "done", f.seeds, four.first, all.last)
	return nil
}

// programs have the findings that a target shows if its input is a case of the corpus.
var programs = map[string]string{
	"FuzzReadOptions": findings.ReadOptions,
	"FuzzReaders":     findings.ReadOptions,
	fuzz.Create:       findings.Create,
}

// checkGroups stops excusing one known finding of a release after another. Each must be a
// group of its own to ClusterFuzz, and the same from each target. A checkout, which has no
// version, may have mended some.
func checkGroups(ctx context.Context, version string, all []fuzzer) error {
	if version == "" {
		return nil
	}
	cases, err := corpus.Load()
	if err != nil {
		return err
	}
	fmt.Println("\nwhat ClusterFuzz groups by, where a known finding is not excused")
	groups, shown := make(map[string]bool), make(map[string]bool)
	for _, f := range all {
		list := findings.Of(programs[f.target], version)
		for _, known := range list.Findings() {
			place, _ := known.In(list.Program)
			i := slices.IndexFunc(cases, func(c corpus.Case) bool { return c.Name == place.Case })
			input := filepath.Join(f.dir, "input")
			if err := os.WriteFile(input, cases[i].Payload.Bytes, 0o666); err != nil {
				return err
			}
			r, err := f.run(ctx, settings.Test{Findings: list.Name + ",-" + known.Name}, input)
			if err != nil {
				return err
			}
			if r.group == "" {
				return fmt.Errorf("%s: %s is in no group: %s", f.target, known.Name, r.report)
			}
			groups[r.group], shown[list.Program+", "+known.Name] = true, true
			fmt.Printf("  %-17s %s\n", f.target, r.group)
		}
	}
	fmt.Printf("  %d groups\n", len(groups))
	if len(groups) != len(shown) {
		return fmt.Errorf("that are %d findings: each must be in a group of its own, from each target", len(shown))
	}
	return nil
}

// fuzzAll fuzzes each target for a while, from the seeds.
func fuzzAll(ctx context.Context, s settings.Test, all []fuzzer, budget time.Duration) (failed error) {
	fmt.Printf("\nfuzzing each target for %v\n\n%-17s %12s %10s %10s %10s %7s\n", budget, "target", "executions",
		"a second", "edges from", "to", "failed")
	for _, f := range all {
		r, err := f.fuzz(ctx, s, budget, f.seedDir())
		if err != nil {
			return err
		}
		fmt.Printf("%-17s %12d %10.0f %10d %10d %7v\n", f.target, r.executions, float64(r.executions)/r.seconds,
			r.first, r.last, r.failed)
		if r.failed {
			failed = gocmd.ErrReported
			fmt.Printf("%s\n%s\n", r.report, f.replay(s, r.crash))
		}
	}
	return failed
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
	replays, itself := "", settings.Test{HCSShim: provenOn, Findings: "none"}
	for _, from := range [][]string{{"an empty corpus and the dictionary"}, {"the seeds", raw.seedDir()}} {
		for _, finding := range []string{"bootstrap-rejected", "foreign-type-panics"} {
			r, err := raw.fuzz(ctx, settings.Test{Findings: provenOn + ",-" + finding}, budget, from[1:]...)
			if err != nil {
				return err
			}
			if r.crash == "" {
				return fmt.Errorf("from %s %s was not found and kept in %v\n%s", from[0], finding, budget, r.report)
			}
			out, _, err := workspace.Try(e.Go(ctx, itself, "run", "./cmd/shimfuzz", "repro", "-case="+r.crash))
			if err != nil {
				return err
			}
			if !strings.Contains(out, "finding    "+finding+": ") {
				return fmt.Errorf("what was found is not %s on hcsshim itself:\n%s", finding, out)
			}
			fmt.Printf("%-34s %-28s %8.1f %12d\n", from[0], finding, r.seconds, r.executions)
			replays += "\n  make repro " + itself.CaseArguments(r.crash)
		}
	}
	fmt.Printf("\neach again, on hcsshim itself:%s\n", replays)
	return checkGroups(ctx, provenOn, []fuzzer{raw})
}
