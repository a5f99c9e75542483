package ossfuzz

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"shimfuzz/internal/gocmd"
	"shimfuzz/internal/hcsshim/extract"
	"shimfuzz/internal/settings"
	"shimfuzz/internal/targets"
)

// Alone is the target that only calls readOptions, which Costs builds beside the others.
const Alone = "Call"

// Costs are the built fuzzers, to measure what an execution of each costs.
type Costs struct {
	runner
	built *Builder
}

// NewCosts builds the fuzzers, and Alone. The caller removes them.
func NewCosts(ctx context.Context, b *extract.Build) (*Costs, error) {
	built, err := build(ctx, b, "cost", b.Source.Dir)
	if err != nil {
		return nil, err
	}
	if err := errors.Join(built.addAlone(ctx), built.moveOut(append(targets.Names(), Alone))); err != nil {
		built.remove()
		return nil, err
	}
	return &Costs{runner{b, excusing(b, settings.Test{})}, built}, nil
}

// Remove removes the fuzzers.
func (c *Costs) Remove() { c.built.remove() }

// addAlone builds Alone in the tree that build.sh has left, with the raw target's seeds.
func (b *Builder) addAlone(ctx context.Context) error {
	goBin, err := b.install(ctx)
	if err != nil {
		return err
	}
	tree := filepath.Join(b.Work(), "shimfuzz")
	cmd := gocmd.Command(ctx, tree, filepath.Join(b.bin(), "compile_go_fuzzer"), "shimfuzz/lab/mutants/baseline", "Call", Alone)
	cmd.Env = append(b.environment(goBin), "GOTOOLCHAIN=auto", "GOFLAGS=-toolexec="+filepath.Join(tree, "oss-fuzz", "without_counters"))
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", Alone, err, tail(out, 12))
	}
	for _, suffix := range []string{".options", "_seed_corpus.zip"} {
		text, err := os.ReadFile(filepath.Join(b.Out(), targets.Raw.Name+suffix))
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(b.Out(), Alone+suffix), text, 0o666); err != nil {
			return err
		}
	}
	return nil
}

// FromSeeds is what an execution of a target costs, of so many from its seeds on.
func (c *Costs) FromSeeds(ctx context.Context, target string, executions, seed int) (time.Duration, error) {
	f := Fuzzer{Dir: c.built.moved, Target: target}
	seeds, err := filepath.Glob(filepath.Join(f.seedDir(), "*"))
	if err != nil {
		return 0, err
	}
	list := filepath.Join(f.Dir, target+".seeds")
	if err := os.WriteFile(list, []byte(strings.Join(seeds, ",")), 0o666); err != nil {
		return 0, err
	}
	return c.cost(ctx, f, executions, seed, "-seed_inputs=@"+list)
}

// FromNothing is what an execution costs, of so many from an empty corpus on.
func (c *Costs) FromNothing(ctx context.Context, target string, executions, seed int) (time.Duration, error) {
	return c.cost(ctx, Fuzzer{Dir: c.built.moved, Target: target}, executions, seed)
}

// cost fuzzes without a folder for what is new: writing files takes longer than executions.
// What a process takes to start and to run the seeds does not count.
func (c *Costs) cost(ctx context.Context, f Fuzzer, executions, seed int, seeds ...string) (time.Duration, error) {
	var results [2]Result
	for i, runs := range []int{0, executions} {
		res, err := f.Run(ctx, Run{Flags: append(seeds, fmt.Sprintf("-runs=%d", runs), fmt.Sprintf("-seed=%d", seed)), Env: c.env(), Artifact: c.foundDir(f.Target)})
		if err != nil {
			return 0, err
		}
		if res.Failed {
			return 0, errors.New(res.Report)
		}
		results[i] = res
	}
	start, all := results[0], results[1]
	return (all.CPU - start.CPU) / time.Duration(max(1, all.Executions-start.Executions)), nil
}
