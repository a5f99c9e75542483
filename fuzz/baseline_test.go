package fuzz

import (
	_ "embed"
	"flag"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"shimfuzz/internal/findings"
	"shimfuzz/internal/hcsshim"
)

// baseline names the cases that fuzzing starts from, one a line. Go's engine takes some hundred
// seeds a second before it changes the first, because each comes with all of its coverage.
//
//go:embed testdata/baseline.txt
var baseline string

// seedsOf returns the target's seeds, those of the baseline by themselves.
func seedsOf(t testing.TB, target Target, largest int) (first, others []Seed) {
	t.Helper()
	seeds, err := target.Seeds(largest)
	if err != nil {
		t.Fatal(err)
	}
	names := strings.Fields(baseline)
	for _, s := range seeds {
		if slices.Contains(names, s.Case) {
			first = append(first, s)
		} else {
			others = append(others, s)
		}
	}
	return first, others
}

// toRun returns the seeds that this process runs: with -fuzz those of the baseline, and none
// in a worker, which is sent its inputs; without it all.
func toRun(t testing.TB, target Target, largest int) []Seed {
	t.Helper()
	if flag.Lookup("test.fuzzworker").Value.String() == "true" {
		return nil
	}
	first, others := seedsOf(t, target, largest)
	if flag.Lookup("test.fuzz").Value.String() != "" {
		return first
	}
	return append(first, others...)
}

// The baseline reaches each statement that all seeds reach: of hcsshim and the protobuf that it
// links, of the reference and of the generator. The names that this does not take add most to
// what the engine sees beside. Coverage is a process's, so each target has one of its own.
func TestBaseline(t *testing.T) {
	first, _ := seedsOf(t, Targets[0], MaxSeed) // of which each payload is a seed
	if n := len(strings.Fields(baseline)); n != len(first) {
		t.Errorf("testdata/baseline.txt has %d names, %d of them of seeds", n, len(first))
	}
	if testing.CoverMode() == "" {
		t.Skip("NOT RUN: whether the baseline reaches all, which make coverage tells")
	}
	if hcsshim.Current().Version != findings.Newest {
		t.Skip("NOT RUN: whether the baseline reaches all, for it is chosen for hcsshim " + findings.Newest)
	}
	for _, target := range Targets {
		alone := "-test.run=^TestBaseline$/^" + target.Name + "$"
		t.Run(target.Name, func(t *testing.T) {
			if slices.Contains(os.Args, alone) {
				reachesAll(t, target)
			} else if out, err := exec.Command(os.Args[0], alone).CombinedOutput(); err != nil {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
}

func reachesAll(t *testing.T, target Target) {
	first, others := seedsOf(t, target, MaxSeed)
	for _, s := range first {
		target.Run(t, s.Parts...)
	}
	reached := testing.Coverage()
	for _, s := range others {
		target.Run(t, s.Parts...)
		if now := testing.Coverage(); now > reached {
			t.Errorf("%s reaches more: add it to fuzz/testdata/baseline.txt", s.Case)
			reached = now
		}
	}
}
