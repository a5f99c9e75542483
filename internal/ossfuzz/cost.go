package ossfuzz

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"shimfuzz/internal/gocmd"
	"shimfuzz/internal/hcsshim/extract"
	"shimfuzz/internal/settings"
	"shimfuzz/internal/targets"
)

// Alone is the target that only calls readOptions, which Costs builds beside the others.
const Alone = "FuzzCall"

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
	cmd := gocmd.Command(ctx, tree, filepath.Join(b.bin(), "compile_go_fuzzer"), "shimfuzz/internal/quality/baseline", "Call", Alone)
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

// Of is what one of so many executions of a target costs, beside those of its seeds and
// what the process takes to start. It fuzzes from its seeds, or from nothing.
func (c *Costs) Of(ctx context.Context, target string, fromSeeds bool, executions, seed int) (time.Duration, error) {
	f := Fuzzer{Dir: c.built.moved, Target: target}
	start, err := c.cpu(ctx, f, fromSeeds, "-runs=0")
	if err != nil {
		return 0, err
	}
	all, err := c.cpu(ctx, f, fromSeeds, fmt.Sprintf("-runs=%d", executions), fmt.Sprintf("-seed=%d", seed))
	if err != nil {
		return 0, err
	}
	return (all.CPU - start.CPU) / time.Duration(all.Executions-start.Executions), nil
}

func (c *Costs) cpu(ctx context.Context, f Fuzzer, fromSeeds bool, flags ...string) (Result, error) {
	grown := filepath.Join(f.Dir, "corpora", f.Target, "grown")
	if err := errors.Join(os.RemoveAll(grown), os.MkdirAll(grown, 0o777)); err != nil {
		return Result{}, err
	}
	corpora := []string{grown}
	if fromSeeds {
		corpora = append(corpora, f.seedDir())
	}
	res, err := f.Run(ctx, Run{Corpus: corpora, Flags: flags, Env: c.env(), Artifact: c.foundDir(f.Target)})
	if err == nil && res.Failed {
		err = fmt.Errorf("%s:\n%s", f.Target, res.Report)
	}
	return res, err
}
