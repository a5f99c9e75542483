package fuzz

import (
	_ "embed"
	"flag"
	"math"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"shimfuzz/internal/findings"
	"shimfuzz/internal/hcsshim"
)

// text names the cases that fuzzing starts from, one a line. Go's engine takes 100 seeds a second
// before it changes the first, because each comes with all of its coverage.
//
//go:embed testdata/baseline.txt
var text string

var baseline = strings.Fields(text)

func inBaseline(s Seed) bool { return slices.Contains(baseline, s.Case) }

// toRun returns the seeds of a target that this process runs: with -fuzz the baseline's, and
// none in a worker, which is sent its inputs; without it all, and what is too large for one.
func toRun(t testing.TB, target Target) []Seed {
	t.Helper()
	if flag.Lookup("test.fuzzworker").Value.String() == "true" {
		return nil
	}
	seeds, err := target.Seeds(math.MaxInt)
	if err != nil {
		t.Fatal(err)
	}
	if flag.Lookup("test.fuzz").Value.String() == "" {
		return seeds
	}
	return slices.DeleteFunc(seeds, func(s Seed) bool { return !inBaseline(s) })
}

// Each line of the baseline names a case that is a seed, once.
func TestBaseline(t *testing.T) {
	target, err := Named(Raw)
	if err != nil {
		t.Fatal(err)
	}
	seeds, err := target.Seeds(MaxSeed)
	if err != nil {
		t.Fatal(err)
	}
	left := slices.Clone(baseline)
	for _, s := range seeds {
		if i := slices.Index(left, s.Case); i >= 0 {
			left = slices.Delete(left, i, i+1)
		}
	}
	if len(left) > 0 {
		t.Errorf("in testdata/baseline.txt twice, or no names of seeds: %q", left)
	}
}

// What fuzzing starts from reaches each statement that all seeds reach: of hcsshim, of the
// protobuf that it links, of the reference and of the generator. More names than that takes are
// there for their coverage of other packages. Coverage is that of a process, so each target
// has one of its own.
func TestBaselineReachesAll(t *testing.T) {
	if testing.CoverMode() == "" {
		t.Skip("NOT RUN: it needs coverage, see make coverage")
	}
	if hcsshim.Current().Version != findings.Newest {
		t.Skip("NOT RUN: the baseline is chosen for hcsshim " + findings.Newest)
	}
	for _, target := range Targets {
		t.Run(target.Name, func(t *testing.T) {
			alone := "-test.run=^TestBaselineReachesAll$/^" + target.Name + "$"
			if !slices.Contains(os.Args, alone) {
				out, err := exec.Command(os.Args[0], alone).CombinedOutput()
				if err != nil {
					t.Errorf("%v\n%s", err, out)
				}
				return
			}
			reachesAll(t, target)
		})
	}
}

// reachesAll fails for each seed that reaches more than the baseline and those before it.
func reachesAll(t *testing.T, target Target) {
	seeds, err := target.Seeds(MaxSeed)
	if err != nil {
		t.Fatal(err)
	}
	for _, first := range []bool{true, false} {
		for _, s := range seeds {
			if inBaseline(s) != first {
				continue
			}
			before := testing.Coverage()
			target.Run(t, s.Parts...)
			if testing.Coverage() > before && !first {
				t.Errorf("%s reaches more: add it to fuzz/testdata/baseline.txt", s.Case)
			}
		}
	}
}
