package mutants

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"time"

	"shimfuzz/internal/gocmd"
	"shimfuzz/internal/hcsshim/extract"
	"shimfuzz/internal/settings"
	"shimfuzz/internal/targets"
	"shimfuzz/lab/ossfuzz"
)

const (
	overheadRounds = 3
	overheadExecs  = 10000
)

// engine fuzzes one target for a while and says what an execution costs, in CPU time.
type engine struct {
	name string
	cost func(ctx context.Context, target string, executions, seed int) (time.Duration, error)
}

// least are shares of readOptions alone, half of what was measured (docs/quality.md): a
// smaller one means that something has become slow.
var least = map[string]float64{
	"FuzzReadOptions": 0.33, "FuzzReaders": 0.33, "FuzzLegacy": 0.2, "FuzzBootstrap": 0.08,
	"FuzzEquivalence": 0.08, "FuzzMalformed": 0.05, "FuzzCreateOptions": 0.5,
}

// Overhead measures what the checks cost: what an execution of each target costs for
// each payload in it, against one of a target that only calls readOptions, in turns, with
// both engines; and the checks a second of each property.
func Overhead(ctx context.Context, b *extract.Build) error {
	dir, err := os.MkdirTemp(b.Dir, "overhead-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if err := buildTests(ctx, b, dir, []string{"fuzz", "lab/mutants/baseline"}, "-fuzz=Fuzz"); err != nil {
		return err
	}
	built, err := ossfuzz.NewCosts(ctx, b)
	if err != nil {
		return err
	}
	defer built.Remove()
	executions, err := countExecutions(ctx, b, dir)
	if err != nil {
		return err
	}
	engines := []engine{
		{"go test, nothing", native{b, dir}.cost},
		{"libFuzzer, seeds", built.FromSeeds},
		{"libFuzzer, nothing", built.FromNothing},
	}
	costs, err := measure(ctx, engines)
	if err != nil {
		return err
	}
	return errors.Join(printCosts(engines, costs, executions), checkRates(ctx, b))
}

// measure runs each target with each engine, in rounds. The costs are by engine and target.
func measure(ctx context.Context, engines []engine) ([]map[string][]time.Duration, error) {
	fmt.Printf("  %d rounds of %d executions of each target with each engine\n", overheadRounds, overheadExecs)
	costs := make([]map[string][]time.Duration, len(engines))
	for round := range overheadRounds {
		for i, e := range engines {
			if costs[i] == nil {
				costs[i] = make(map[string][]time.Duration)
			}
			for _, target := range append([]string{ossfuzz.Alone}, targets.Names()...) {
				cost, err := e.cost(ctx, target, overheadExecs, round+1)
				if err != nil {
					return nil, fmt.Errorf("%s, %s: %w", target, e.name, err)
				}
				costs[i][target] = append(costs[i][target], cost)
			}
			fmt.Printf("  round %d of %d: %s\n", round+1, overheadRounds, e.name)
		}
	}
	return costs, nil
}

// printCosts fails if a share is less than the least one.
func printCosts(engines []engine, costs []map[string][]time.Duration, executions map[string]execution) (failed error) {
	fmt.Printf("\nCPU time of an execution, and for each payload in it the share of readOptions alone (median of the rounds)\n")
	fmt.Printf("%-18s %8s %11s", "target", "payloads", "allocations")
	for _, e := range engines {
		fmt.Printf(" %20s", e.name)
	}
	fmt.Printf("\n%-18s %8d %11s", "readOptions alone", 1, "")
	for i := range engines {
		fmt.Printf(" %12.1f us %4s", microseconds(median(costs[i][ossfuzz.Alone])), "")
	}
	fmt.Println()
	for _, target := range targets.Names() {
		x := executions[target]
		fmt.Printf("%-18s %8.0f %11.0f", target, x.payloads, x.allocations)
		for i, e := range engines {
			var shares []float64
			for round, cost := range costs[i][target] {
				shares = append(shares, float64(costs[i][ossfuzz.Alone][round])/float64(cost)*x.payloads)
			}
			share := median(shares)
			fmt.Printf(" %12.1f us %4.2f", microseconds(median(costs[i][target])), share)
			if share < least[target] {
				failed = errors.Join(failed, fmt.Errorf("%s has %.2f of readOptions alone with %s, want at least %.2f", target, share, e.name, least[target]))
			}
		}
		fmt.Println()
	}
	return failed
}

func microseconds(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }

// execution is what one execution of a target takes, on its seeds.
type execution struct{ payloads, allocations float64 }

var benchmark = regexp.MustCompile(`(?m)^BenchmarkTargets/(\w+)\S*\s.*?([0-9.]+) payloads/op\s.*?(\d+) allocs/op`)

// countExecutions counts the payloads that a target gives to the decoder under test.
func countExecutions(ctx context.Context, b *extract.Build, dir string) (map[string]execution, error) {
	cmd := b.Command(ctx, settings.Test{}, testBinary(dir, "fuzz"), "-test.run=^$", "-test.bench=^BenchmarkTargets$", "-test.benchtime=2000x")
	cmd.Dir = filepath.Join(b.Root, "fuzz")
	out, err := gocmd.Output(cmd)
	if err != nil {
		return nil, err
	}
	all := make(map[string]execution)
	for _, m := range benchmark.FindAllStringSubmatch(string(out), -1) {
		payloads, err1 := strconv.ParseFloat(m[2], 64)
		allocations, err2 := strconv.ParseFloat(m[3], 64)
		if err1 == nil && err2 == nil {
			all[m[1]] = execution{payloads, allocations}
		}
	}
	if len(all) != len(targets.All) {
		return nil, fmt.Errorf("BenchmarkTargets tells the payloads of %d targets, not of %d:\n%s", len(all), len(targets.All), out)
	}
	return all, nil
}

// native are the targets that Go's engine fuzzes.
type native struct {
	b   *extract.Build
	dir string
}

// cost is what an execution costs, of so many from nothing on with one worker. Seeds would
// be most of it: the engine takes 10 ms for each at first. It has no seed of chance.
func (n native) cost(ctx context.Context, target string, executions, _ int) (time.Duration, error) {
	cache, err := os.MkdirTemp(n.dir, "cache-")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(cache)
	pkg, test := "fuzz", target
	if target == ossfuzz.Alone {
		pkg, test = "lab/mutants/baseline", "FuzzPanics"
	}
	cmd := n.b.Command(ctx, settings.Test{Seedless: true}, testBinary(n.dir, pkg), "-test.run=^$", "-test.fuzz=^"+test+"$",
		"-test.fuzztime="+strconv.Itoa(executions)+"x", "-test.fuzzminimizetime=0x", "-test.fuzzcachedir="+cache, "-test.parallel=1")
	cmd.Dir = filepath.Join(n.b.Root, filepath.FromSlash(pkg))
	out, err := cmd.CombinedOutput()
	switch {
	case ctx.Err() != nil:
		return 0, ctx.Err()
	case err != nil:
		return 0, fmt.Errorf("%w\n%s", err, out)
	}
	return (cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()) / time.Duration(executions), nil
}

var rapidResult = regexp.MustCompile(`(?m)^=== RUN +(Test\w+)[/\w]*$|\[rapid\] OK, passed (\d+) tests \(([^)]+)\)`)

// checkRates prints how many checks a second each property makes, of all its
// variants, on hcsshim.
func checkRates(ctx context.Context, b *extract.Build) error {
	if err := buildTests(ctx, b, b.Dir, []string{"properties"}); err != nil {
		return err
	}
	cmd := b.Command(ctx, settings.Test{Decoder: "hcsshim"}, testBinary(b.Dir, "properties"), append([]string{"-test.v", "-test.skip=" + cheapTests + "|" + costlyTests}, rapidArgs("300")...)...)
	cmd.Dir = filepath.Join(b.Root, "properties")
	out, err := gocmd.Output(cmd)
	if err != nil {
		return fmt.Errorf("the properties: %w: run make test", err)
	}
	var order []string
	checks, took := make(map[string]float64), make(map[string]time.Duration)
	test := ""
	for _, m := range rapidResult.FindAllStringSubmatch(string(out), -1) {
		if m[1] != "" {
			test = m[1]
			continue
		}
		n, err1 := strconv.ParseFloat(m[2], 64)
		d, err2 := time.ParseDuration(m[3])
		if err1 != nil || err2 != nil {
			continue
		}
		if checks[test] == 0 {
			order = append(order, test)
		}
		checks[test] += n
		took[test] += d
	}
	fmt.Printf("\n%-24s %16s %16s\n", "property", "checks", "checks a s")
	for _, t := range order {
		fmt.Printf("%-24s %16.0f %16.0f\n", t, checks[t], checks[t]/took[t].Seconds())
	}
	return nil
}
