package ossfuzz

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"shimfuzz/corpus"
	"shimfuzz/fuzz"
	"shimfuzz/internal/findings"
	"shimfuzz/internal/gocmd"
	"shimfuzz/internal/hcsshim/extract"
	"shimfuzz/internal/settings"
)

// Check runs oss-fuzz/build.sh in a stand-in for OSS-Fuzz's builder and holds what it makes
// to the checks of that infrastructure, and to more. Then each target fuzzes for the budget.
func Check(ctx context.Context, e *extract.Build, s settings.Test, budget time.Duration) error {
	b, err := build(ctx, e, "address")
	if err != nil {
		return err
	}
	defer os.RemoveAll(b.moved)
	all, err := b.fuzzers()
	if err != nil {
		return err
	}
	s.Findings = cmp.Or(s.Findings, e.Source.Version) // to the fuzzers it is a checkout
	fmt.Printf("\n%-17s %10s %7s %7s   %s\n", "target", "ASan calls", "4 runs", "seeds",
		"coverage in edges: empty corpus, seeds")
	for _, f := range all {
		if err := f.check(ctx, s); err != nil {
			return fmt.Errorf("%s: %w", f.target, err)
		}
	}
	if err := checkGroups(ctx, e, all); err != nil {
		return err
	}
	return fuzzAll(ctx, s, all, budget)
}

// check makes the checks of a fuzzer that need no time: it is one of libFuzzer's, with
// AddressSanitizer in it, that runs on its seeds.
func (f fuzzer) check(ctx context.Context, s settings.Test) error {
	calls, err := f.asanCalls(ctx)
	if err != nil {
		return err
	}
	four, err := f.run(ctx, s, "-seed=1337", "-runs=4")
	if err != nil {
		return err
	}
	if four.failed || !four.done || four.executions != 4 {
		return fmt.Errorf("-runs=4 did not end with \"Done 4 runs\": %s", four.report)
	}
	all, err := f.run(ctx, s, "-runs=0", f.seedDir())
	if err != nil {
		return err
	}
	if all.failed || !all.done || all.executions < f.seeds {
		return fmt.Errorf("it fails on a seed, or runs on %d of %d:\n%s\n%s", all.executions, f.seeds, all.report,
			f.replay(s, all.crash))
	}
	if all.last <= four.first {
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

// checkGroups stops excusing one known finding after another. Each must be a group of its
// own to ClusterFuzz, and the same from each target. A checkout may have mended some.
func checkGroups(ctx context.Context, b *extract.Build, all []fuzzer) error {
	if b.Source.Version == "" {
		return nil
	}
	cases, err := corpus.Load()
	if err != nil {
		return err
	}
	payloads := make(map[string][]byte)
	for _, c := range cases {
		payloads[c.Name] = c.Payload.Bytes
	}
	fmt.Println("\nwhat ClusterFuzz groups by, where a known finding is not excused")
	groupOf, findingOf := make(map[string]string), make(map[string]string)
	for _, f := range all {
		list := findings.Of(programs[f.target], b.Source.Version)
		for _, known := range list.Findings() {
			place, _ := known.In(list.Program)
			input := filepath.Join(f.dir, "input")
			if err := os.WriteFile(input, payloads[place.Case], 0o666); err != nil {
				return err
			}
			r, err := f.run(ctx, settings.Test{Findings: list.Name + ",-" + known.Name}, input)
			if err != nil {
				return err
			}
			finding := list.Program + ", " + known.Name
			if r.group == "" || cmp.Or(findingOf[r.group], finding) != finding ||
				cmp.Or(groupOf[finding], r.group) != r.group {
				return fmt.Errorf("%s: %s is in the group %q, with %q, and from another target in %q", f.target,
					finding, r.group, findingOf[r.group], groupOf[finding])
			}
			findingOf[r.group], groupOf[finding] = finding, r.group
			fmt.Printf("  %-17s %s\n", f.target, r.group)
		}
	}
	fmt.Printf("  %d groups\n", len(findingOf))
	return nil
}

// fuzzAll fuzzes each target for a while, from the seeds.
func fuzzAll(ctx context.Context, s settings.Test, all []fuzzer, budget time.Duration) error {
	fmt.Printf("\nfuzzing each target for %v\n", budget)
	fmt.Printf("\n%-17s %12s %10s %10s %10s %9s\n", "target", "executions", "a second", "edges from", "to", "failures")
	var err error
	told := "" // of failures, also if an interrupt ends the rest
	for _, f := range all {
		r, runErr := f.fuzz(ctx, s, f.seedDir(), budget)
		if runErr != nil {
			err = runErr
			break
		}
		failures := 0
		if r.failed {
			failures, err = 1, gocmd.ErrReported
			told += fmt.Sprintf("\n%s failed:\n%s\n%s\n", f.target, r.report, f.replay(s, r.crash))
		}
		fmt.Printf("%-17s %12d %10.0f %10d %10d %9d\n", f.target, r.executions,
			float64(r.executions)/r.seconds, r.first, r.last, failures)
	}
	fmt.Print(told)
	return err
}

// fuzz runs a fuzzer for a time, or until it finds something, from the seeds in a
// folder, or from none if that is "".
func (f fuzzer) fuzz(ctx context.Context, s settings.Test, seeds string, budget time.Duration) (result, error) {
	grown := filepath.Join(f.dir, "corpora", f.target, "grown")
	if err := errors.Join(os.RemoveAll(grown), os.MkdirAll(grown, 0o777)); err != nil {
		return result{}, err
	}
	args := []string{fmt.Sprintf("-max_total_time=%d", max(1, int(budget.Seconds()))), grown}
	if seeds != "" {
		args = append(args, seeds)
	}
	return f.run(ctx, s, args...)
}

// replay says how to replay and how to keep what a fuzzer has found.
func (f fuzzer) replay(s settings.Test, file string) string {
	if file == "" {
		return "  the fuzzer kept no input"
	}
	arguments := s.CaseArguments(file)
	if f.target != fuzz.Raw {
		arguments += " TARGET=" + f.target
	}
	return "  make repro " + arguments + "\n  make keep " + arguments
}
