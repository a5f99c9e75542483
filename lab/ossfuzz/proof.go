package ossfuzz

import (
	"context"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"

	"shimfuzz/fuzz"
	"shimfuzz/internal/findings"
	"shimfuzz/internal/hcsshim/extract"
	"shimfuzz/internal/settings"
	"shimfuzz/lab/workspace"
)

// provenOn is a release with two well-known defects, which the fuzzers must find.
const provenOn = "v0.14.1"

var provenBy = []string{"bootstrap-rejected", "foreign-type-panics"}

// Prove proves that what build.sh makes finds bugs, as it would have in real
// life: it starts with nothing excused, and each defect that has been found is
// excused from then on, because libFuzzer stops at the first.
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
	all, err := b.fuzzers()
	if err != nil {
		return err
	}
	raw := all[slices.Index(fuzz.Names(), fuzz.Raw)]
	fmt.Printf("\n%-34s %-28s %8s %12s\n", raw.target+" starting from", "finds", "seconds", "executions")
	var lines []string
	for _, from := range [][2]string{{"an empty corpus and the dictionary", ""}, {"the seeds", raw.seedDir()}} {
		found, err := hunt(ctx, e, raw, from[0], from[1], budget)
		if err != nil {
			return err
		}
		lines = append(lines, found...)
	}
	if err := checkGroups(ctx, e, []fuzzer{raw}); err != nil {
		return err
	}
	fmt.Printf("\neach again, on hcsshim itself:\n%s\n", strings.Join(lines, "\n"))
	return nil
}

// hunt lets a fuzzer run until it has found all of provenBy, and returns the
// lines that replay what it found.
func hunt(ctx context.Context, e *extract.Build, f fuzzer, what, seeds string, budget time.Duration) (lines []string,
	err error) {
	var unexcused []string
	for _, known := range findings.Of(findings.ReadOptions, provenOn).Findings() {
		unexcused = append(unexcused, known.Name)
	}
	nothing := settings.Test{HCSShim: provenOn, Findings: "none"}
	s := nothing
	for left := slices.Clone(provenBy); len(left) > 0; {
		r, err := f.fuzz(ctx, s, seeds, budget)
		if err != nil {
			return nil, err
		}
		if !r.failed || r.crash == "" {
			return nil, fmt.Errorf("from %s nothing was found and kept in %v; still to be found: %s\n%s", what, budget,
				strings.Join(left, ", "), r.report)
		}
		name, err := nameOf(ctx, e, nothing, r.crash)
		if err != nil {
			return nil, err
		}
		if !slices.Contains(unexcused, name) {
			return nil, fmt.Errorf("with FINDINGS=%s %s was found, which is excused:\n%s", s.Findings, name,
				r.report)
		}
		fmt.Printf("%-34s %-28s %8.1f %12d\n", what, name, r.seconds, r.executions)
		lines = append(lines, "  make repro "+nothing.CaseArguments(r.crash))
		is := func(n string) bool { return n == name }
		left, unexcused = slices.DeleteFunc(left, is), slices.DeleteFunc(unexcused, is)
		s.Findings = strings.Join(append([]string{provenOn}, unexcused...), ",-")
	}
	return lines, nil
}

// explains is the line of a report with the finding that explains the answer.
var explains = regexp.MustCompile(`(?m)^\s*finding +([\w-]+)`)

// nameOf replays a payload on hcsshim itself and returns the finding that explains the
// answer, which a fuzzer does not know of a release: to it hcsshim is a checkout.
func nameOf(ctx context.Context, e *extract.Build, s settings.Test, file string) (string, error) {
	cmd, err := workspace.Program(ctx, e, s, "./cmd/shimfuzz", "repro", "-case="+file)
	if err != nil {
		return "", err
	}
	out, _, err := workspace.Try(cmd)
	if err != nil {
		return "", err
	}
	m := explains.FindStringSubmatch(out)
	if m == nil {
		return "", fmt.Errorf("%s does not reproduce, or is not a known finding:\n%s", file, out)
	}
	return m[1], nil
}
