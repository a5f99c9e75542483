package ossfuzz

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"shimfuzz/fuzz"
	"shimfuzz/internal/findings"
	"shimfuzz/internal/gocmd"
	"shimfuzz/internal/hcsshim/extract"
	"shimfuzz/internal/settings"
)

// provenOn is a release with two well-known defects, which the fuzzers must find.
const provenOn = "v0.14.1"

var provenBy = []string{"bootstrap-rejected", "foreign-type-panics"}

// Prove proves that what build.sh makes finds bugs, as it would have in real
// life: it starts with nothing excused, and each defect that has been found is
// excused from then on, because libFuzzer stops at the first.
func Prove(ctx context.Context, root string, budget time.Duration) error {
	b, err := extract.Prepare(root, provenOn, "")
	if err != nil {
		return err
	}
	fmt.Printf("oss-fuzz/build.sh on hcsshim %s, nothing excused at first\n", b.Source.Name)
	raw := fuzz.Raw
	built, err := buildFuzzers(ctx, b, "proof", b.Source.Dir, []string{raw})
	if err != nil {
		return err
	}
	defer built.remove()
	fuzzer := built.fuzzers[0]
	r := runner{b, settings.Test{HCSShim: provenOn, Findings: "none"}}
	var lines []string
	fmt.Printf("\n%-34s %-28s %8s %12s %6s\n", raw+" starting from", "finds", "seconds", "executions", "bytes")
	for _, from := range []struct{ what, seeds string }{{"an empty corpus and the dictionary", ""},
		{"the seeds", fuzzer.seedDir()}} {
		found, err := r.hunt(ctx, fuzzer, from.what, from.seeds, budget)
		if err != nil {
			return err
		}
		lines = append(lines, found...)
	}
	if err := r.checkGroups(ctx, built.fuzzers); err != nil {
		return err
	}
	fmt.Printf("\neach again, on hcsshim itself:\n%s\n", strings.Join(lines, "\n"))
	return nil
}

// hunt lets a fuzzer run until it has found all of provenBy, and returns the
// lines that replay what it found.
func (r runner) hunt(ctx context.Context, f Fuzzer, what, seeds string, budget time.Duration) (lines []string,
	err error) {
	var unexcused []string
	for _, known := range findings.Of(findings.ReadOptions, provenOn).Findings() {
		unexcused = append(unexcused, known.Name)
	}
	nothing := r.s
	for left := slices.Clone(provenBy); len(left) > 0; {
		res, err := r.fuzzFrom(ctx, f, seeds, budget)
		if err != nil {
			return nil, err
		}
		if res.Failed && res.Crash == "" {
			return nil, fmt.Errorf("a failure without an input that was kept:\n%s", res.Report)
		}
		if !res.Failed {
			return nil, fmt.Errorf("from %s nothing was found in %v; still to be found: %s", what, budget,
				strings.Join(left, ", "))
		}
		name, err := nameOf(ctx, r.b, nothing, res.Crash)
		if err != nil {
			return nil, err
		}
		if !slices.Contains(unexcused, name) {
			return nil, fmt.Errorf("%s was found with FINDINGS=%s, which excuses it:\n%s", name, r.s.Findings,
				res.Report)
		}
		info, err := os.Stat(res.Crash)
		if err != nil {
			return nil, err
		}
		fmt.Printf("%-34s %-28s %8.1f %12d %6d\n", what, name, res.Seconds, res.Executions, info.Size())
		lines = append(lines, "  "+nothing.ReproCommand(res.Crash))
		is := func(n string) bool { return n == name }
		left, unexcused = slices.DeleteFunc(left, is), slices.DeleteFunc(unexcused, is)
		r.s.Findings = strings.Join(append([]string{provenOn}, unexcused...), ",-")
	}
	return lines, nil
}

// nameOf replays a payload and returns the finding that explains the answer.
func nameOf(ctx context.Context, b *extract.Build, s settings.Test, file string) (string, error) {
	dir, err := os.MkdirTemp(b.Dir, "results-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(dir)
	s.Results = dir
	cmd, err := b.Program(ctx, s, "./cmd/shimfuzz", "repro", "-case="+file)
	if err != nil {
		return "", err
	}
	out, failed, err := gocmd.Try(cmd)
	if err != nil {
		return "", err
	}
	if !failed {
		return "", fmt.Errorf("%s does not reproduce:\n%s", file, out)
	}
	results, err := settings.ReadResults(dir)
	if err != nil {
		return "", err
	}
	if len(results.Failures) == 0 || results.Failures[0].Finding == "" {
		return "", fmt.Errorf("%s is not a known finding:\n%s", file, out)
	}
	return results.Failures[0].Finding, nil
}
