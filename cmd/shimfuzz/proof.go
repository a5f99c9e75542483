package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"shimfuzz/internal/findings"
	"shimfuzz/internal/hcsshim/extract"
	"shimfuzz/internal/ossfuzz"
	"shimfuzz/internal/settings"
	"shimfuzz/internal/targets"
)

// provenOn is a release with two well-known defects, which the fuzzers must find.
const provenOn = "v0.14.1"

var provenBy = []string{"bootstrap-rejected", "foreign-type-panics"}

// ossFuzzProof proves that what build.sh makes finds bugs, as it would have in
// real life: it starts with nothing excused, and each defect that has been found
// is excused from then on, because libFuzzer stops at the first.
func ossFuzzProof(ctx context.Context, b *extract.Build) error {
	budget, err := time.ParseDuration(setting("FUZZTIME", "5m"))
	if err != nil {
		return fmt.Errorf("FUZZTIME=%s: want a time, such as 5m", os.Getenv("FUZZTIME"))
	}
	if err := ossfuzz.Ready(ctx, "address"); err != nil {
		return err
	}
	if b, err = extract.Prepare(b.Root, provenOn); err != nil {
		return err
	}
	if err := os.Setenv(settings.HCSShim, provenOn); err != nil { // for the lines that replay
		return err
	}
	fmt.Printf("oss-fuzz/build.sh on hcsshim %s, nothing excused at first\n", b.Source.Name)
	builder, err := buildFuzzers(ctx, b, "proof", b.Source.Dir)
	if err != nil {
		return err
	}
	raw := targets.All[0].Name
	fuzzers, remove, err := moveOut(builder, []string{raw})
	if err != nil {
		return err
	}
	defer remove()
	program := filepath.Join(b.Dir, "repro")
	if err := reported(goTool(ctx, b, "build", "-buildvcs=false", "-o", program, "./internal/verify/repro")); err != nil {
		return err
	}
	seeds, _, err := unpackSeeds(fuzzers[0])
	if err != nil {
		return err
	}
	var lines []string
	fmt.Printf("\n%-34s %-28s %8s %12s %6s\n", raw+" starting from", "finds", "seconds", "executions", "bytes")
	for _, from := range []struct{ what, seeds string }{{"an empty corpus and the dictionary", ""}, {"the seeds", seeds}} {
		found, err := hunt(ctx, b, fuzzers[0], program, from.what, from.seeds, budget)
		if err != nil {
			return err
		}
		lines = append(lines, found...)
	}
	fmt.Printf("\neach again, on hcsshim itself:\n%s\n", strings.Join(lines, "\n"))
	return nil
}

// hunt lets a fuzzer run until it has found all of provenBy, and returns the
// lines that replay what it found.
func hunt(ctx context.Context, b *extract.Build, f ossfuzz.Fuzzer, program, what, seeds string, budget time.Duration) (lines []string, err error) {
	var unexcused []string
	for _, known := range findings.For(provenOn).Findings {
		unexcused = append(unexcused, known.Name)
	}
	excuse := "none"
	for left := slices.Clone(provenBy); len(left) > 0; {
		res, err := fuzzFrom(ctx, b, f, seeds, budget, []string{settings.Findings + "=" + excuse})
		if err != nil {
			return nil, err
		}
		if res.Failed && res.Crash == "" {
			return nil, fmt.Errorf("a failure without an input that was kept:\n%s", res.Report)
		}
		if !res.Failed {
			return nil, fmt.Errorf("from %s nothing was found in %v; still to be found: %s", what, budget, strings.Join(left, ", "))
		}
		name, err := nameOf(ctx, b, program, res.Crash)
		if err != nil {
			return nil, err
		}
		if !slices.Contains(unexcused, name) {
			return nil, fmt.Errorf("%s was found with FINDINGS=%s, which excuses it:\n%s", name, excuse, res.Report)
		}
		info, err := os.Stat(res.Crash)
		if err != nil {
			return nil, err
		}
		fmt.Printf("%-34s %-28s %8.1f %12d %6d\n", what, name, res.Seconds, res.Executions, info.Size())
		lines = append(lines, "  "+settings.ReproCommand(res.Crash)+" FINDINGS=none")
		is := func(n string) bool { return n == name }
		left, unexcused = slices.DeleteFunc(left, is), slices.DeleteFunc(unexcused, is)
		excuse = strings.Join(append([]string{provenOn}, unexcused...), ",-")
	}
	return lines, nil
}

var namedFinding = regexp.MustCompile(`(?m)^finding +([a-z0-9-]+), `)

// nameOf replays a payload and returns the finding that explains the answer.
func nameOf(ctx context.Context, b *extract.Build, program, file string) (string, error) {
	cmd := tool(ctx, b, program, file)
	cmd.Env = append(cmd.Env, settings.Findings+"=none")
	cmd.Stdout = nil
	out, err := cmd.Output() // fails, as it should
	if err == nil {
		return "", fmt.Errorf("%s does not reproduce:\n%s", file, out)
	}
	m := namedFinding.FindSubmatch(out)
	if m == nil {
		return "", fmt.Errorf("%s is no finding that is known:\n%s", file, out)
	}
	return string(m[1]), nil
}
