package mutants

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"slices"
	"time"

	"shimfuzz/internal/hcsshim/extract"
	"shimfuzz/lab/mutants/mutate"
	"shimfuzz/lab/mutants/zoo"
)

const baselineTrials = 10

// arm is a way of fuzzing that is given the same time as the others.
type arm struct {
	name    string
	pkg     string
	targets []string // share what time the seeds leave
	seeds   bool     // has seeds, to be run first
}

var arms = []arm{
	{"shimfuzz", "fuzz", []string{"FuzzReadOptions", "FuzzReaders"}, true},
	{"panics, no seeds", "lab/mutants/baseline", []string{"FuzzPanics"}, false},
	{"round trip, 2 seeds", "lab/mutants/baseline", []string{"FuzzRoundTrip"}, false},
	{"GenerateStruct", "lab/mutants/baseline", []string{"FuzzGenerated"}, false},
}

// Baselines puts a sample of the zoo's bugs into hcsshim and measures how long
// this suite, and the targets that one writes in an afternoon, take to notice each.
func Baselines(ctx context.Context, b *extract.Build, sample int, limit time.Duration) error {
	known, err := mutate.Equivalent()
	if err != nil {
		return err
	}
	// Those that hcsshim has itself are left out.
	bugs := evenly(slices.DeleteFunc(zooIn(sourceName(b), "hcsshim", zoo.Bugs), func(m *mutant) bool { return known[m.id()] != "" }), sample)
	tree, err := newMutantTree(ctx, b)
	if err != nil {
		return err
	}
	run := &mutantRun{tree: tree}
	race := &race{run, filepath.Join(b.Dir, "_mutants", "baselines"), limit}
	if err := race.build(ctx); err != nil {
		return err
	}
	fmt.Printf("  %d bugs in hcsshim, %d trials of up to %v each, one worker a trial, %d trials at a time\n\n", len(bugs), baselineTrials, limit, runtime.NumCPU())
	fmt.Printf("%-30s", "median time to kill")
	for _, a := range arms {
		fmt.Printf(" %20s", a.name)
	}
	fmt.Println()
	times := make([][]time.Duration, len(arms)) // of all trials, by arm
	found := make([]int, len(arms))
	for _, bug := range bugs {
		fmt.Printf("%-30s", bug.name)
		for i, a := range arms {
			trials := race.trials(ctx, bug, a)
			if ctx.Err() != nil {
				return ctx.Err()
			}
			times[i] = append(times[i], trials...)
			if slices.Min(trials) < limit {
				found[i]++
			}
			fmt.Printf(" %20s", censored(trials, limit))
		}
		fmt.Println()
	}
	return printRace(bugs, found, times, limit)
}

// race measures times to kill.
type race struct {
	run   *mutantRun
	dir   string
	limit time.Duration
}

// build builds each arm's targets for the engine, and the suite's for the seeds.
func (r *race) build(ctx context.Context) error {
	if err := r.run.compile(ctx, r.dir, nil, []string{"fuzz"}); err != nil {
		return err
	}
	for _, pkg := range []string{"fuzz", "lab/mutants/baseline"} { // the go command takes -fuzz for one package only
		if err := r.run.compile(ctx, r.guided(), nil, []string{pkg}, "-fuzz=Fuzz"); err != nil {
			return err
		}
	}
	return nil
}

// guided is where the binaries are that count coverage for the engine.
func (r *race) guided() string { return filepath.Join(r.dir, "guided") }

// trials are the times to kill of one bug by one arm: limit where it was not noticed.
func (r *race) trials(ctx context.Context, bug *mutant, a arm) []time.Duration {
	times := make([]time.Duration, baselineTrials)
	var all []*time.Duration
	for i := range times {
		all = append(all, &times[i])
	}
	_ = parallel(all, func(took *time.Duration) error { *took = r.trial(ctx, bug, a); return nil })
	return times
}

func (r *race) trial(ctx context.Context, bug *mutant, a arm) time.Duration {
	start := time.Now()
	if a.seeds {
		if _, failed := r.run.command(ctx, testBinary(r.dir, a.pkg), bug, a.pkg, "-test.run=^Fuzz"); failed {
			return min(time.Since(start), r.limit)
		}
	}
	for i, target := range a.targets {
		left := max(time.Second, (r.limit-time.Since(start))/time.Duration(len(a.targets)-i))
		if _, failed := r.run.engine(ctx, testBinary(r.guided(), a.pkg), bug, a.pkg, target, left.String()); failed {
			return min(time.Since(start), r.limit)
		}
	}
	return r.limit
}

// evenly takes n of all, always the same ones.
func evenly(all []*mutant, n int) (chosen []*mutant) {
	n = min(n, len(all))
	for i := range n {
		chosen = append(chosen, all[i*len(all)/n])
	}
	return chosen
}

// median is the upper median of v.
func median[T cmp.Ordered](v []T) T {
	sorted := slices.Sorted(slices.Values(v))
	return sorted[len(sorted)/2]
}

// censored is the median for people, where limit stands for longer than that.
func censored(times []time.Duration, limit time.Duration) string {
	if m := median(times); m < limit {
		return fmt.Sprintf("%.2f s", m.Seconds())
	}
	return fmt.Sprintf("> %.0f s", limit.Seconds())
}

func printRace(bugs []*mutant, found []int, times [][]time.Duration, limit time.Duration) error {
	fmt.Printf("\n%-22s %12s %14s %18s %26s\n", "", "bugs found", "trials won", "median time", "of shimfuzz's median")
	ours := median(times[0])
	for i, a := range arms {
		won := 0
		for _, t := range times[i] {
			if t < limit {
				won++
			}
		}
		ratio := fmt.Sprintf("%.0f times", median(times[i]).Seconds()/ours.Seconds())
		if median(times[i]) == limit {
			ratio = "more than " + ratio
		}
		fmt.Printf("%-22s %6d of %2d %7d of %3d %18s %26s\n", a.name, found[i], len(bugs), won, len(times[i]), censored(times[i], limit), ratio)
	}
	if found[0] < slices.Max(found) {
		return errors.New("simpler targets have found more than the suite's")
	}
	return nil
}
