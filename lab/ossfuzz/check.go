package ossfuzz

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"shimfuzz/corpus/table"
	"shimfuzz/fuzz"
	"shimfuzz/internal/gocmd"
	"shimfuzz/internal/hcsshim/extract"
	"shimfuzz/internal/settings"
)

// Check runs oss-fuzz/build.sh in a stand-in for OSS-Fuzz's builder and holds
// what it makes to the checks of that infrastructure, and to more. Then each of
// the chosen targets fuzzes for the budget.
func Check(ctx context.Context, b *extract.Build, s settings.Test, chosen []string, budget time.Duration) error {
	fmt.Printf("oss-fuzz/build.sh on hcsshim %s\n", b.Source.Name)
	built, err := buildFuzzers(ctx, b, "address", b.Source.Dir, chosen)
	if err != nil {
		return err
	}
	defer built.remove()
	r := runner{b, excusing(b, s)}
	if err := r.checkFuzzers(ctx, built.fuzzers); err != nil {
		return err
	}
	if err := r.checkArrival(ctx, chosen); err != nil {
		return err
	}
	if err := r.checkGroups(ctx, built.fuzzers); err != nil {
		return err
	}
	return r.fuzzAll(ctx, built.fuzzers, budget)
}

// runner runs fuzzers of a build with settings.
type runner struct {
	b *extract.Build
	s settings.Test
}

func (r runner) env() []string { return []string{r.s.Environ()} }

// buildFuzzers runs build.sh on the checkout in dir, and moves what it has made.
// The caller removes that.
func buildFuzzers(ctx context.Context, b *extract.Build, name, dir string, chosen []string) (*Builder, error) {
	builder, err := build(ctx, b, name, dir)
	if err != nil {
		return nil, err
	}
	if err := builder.moveOut(chosen); err != nil {
		builder.remove()
		return nil, err
	}
	return builder, nil
}

// build runs build.sh on the checkout in dir.
func build(ctx context.Context, b *extract.Build, name, dir string) (*Builder, error) {
	if err := ready(ctx); err != nil {
		return nil, err
	}
	sanitizer := name
	if sanitizer != "coverage" {
		sanitizer = "address"
	}
	builder := &Builder{Dir: filepath.Join(b.Dir, "oss-fuzz", name), Sanitizer: sanitizer, HCSShim: dir, Entry: b.Entry,
		Suite: b.Root}
	start := time.Now()
	fmt.Printf("  %-34s ", "building (minutes the first time)")
	if err := builder.Build(ctx); err != nil {
		fmt.Println("failed")
		return nil, err
	}
	fmt.Printf("%4.0f s, all it printed: %s\n", time.Since(start).Seconds(), gocmd.FromHere(builder.Log()))
	return builder, nil
}

// moveOut moves the fuzzers out of the clone, as OSS-Fuzz does, unpacks their
// seeds, and removes the rest: a fuzzer must need nothing but what stands next to
// it. A report of coverage needs the sources, there as here.
func (b *Builder) moveOut(chosen []string) (err error) {
	if b.moved, err = os.MkdirTemp("", "shimfuzz-out-"); err != nil {
		return err
	}
	err = errors.Join(gocmd.CopyTree(b.moved, b.Out()), os.RemoveAll(b.Out()))
	if b.Sanitizer == "address" {
		err = errors.Join(err, os.RemoveAll(b.Src()), os.RemoveAll(b.Work()))
	}
	for _, target := range chosen {
		f := Fuzzer{Dir: b.moved, Target: target}
		err = errors.Join(err, f.unpackSeeds())
		b.fuzzers = append(b.fuzzers, f)
	}
	return err
}

func (b *Builder) remove() { os.RemoveAll(b.moved) }

// foundDir is where inputs are kept that make a target fail, beyond the next build.
func (r runner) foundDir(target string) string {
	return filepath.Join(r.b.Dir, "oss-fuzz-found", target)
}

// excusing lets the fuzzers know the findings of the version under test, which
// to them is a checkout.
func excusing(b *extract.Build, s settings.Test) settings.Test {
	s.Findings = cmp.Or(s.Findings, b.Source.Version)
	return s
}

// checkFuzzers makes the checks that need nothing but the built files.
func (r runner) checkFuzzers(ctx context.Context, fuzzers []Fuzzer) error {
	fmt.Printf("\n%-17s %10s %7s %7s   %s\n", "target", "ASan calls", "4 runs", "seeds",
		"coverage in edges: empty corpus, seeds")
	for _, f := range fuzzers {
		calls, err := f.Inspect(ctx)
		if err != nil {
			return fmt.Errorf("%s: %w", f.Target, err)
		}
		four, err := f.Run(ctx, Run{Flags: []string{"-seed=1337", "-runs=4"}, Env: r.env()})
		if err != nil {
			return err
		}
		if four.Failed || !four.Done || four.Executions != 4 {
			return fmt.Errorf("%s: -runs=4 did not end with \"Done 4 runs\": %s", f.Target, four.Report)
		}
		all, err := f.Run(ctx, Run{Corpus: []string{f.seedDir()}, Flags: []string{"-runs=0"}, Env: r.env(),
			Artifact: r.foundDir(f.Target)})
		if err != nil {
			return err
		}
		if all.Failed || !all.Done || all.Executions < f.seeds {
			return fmt.Errorf("%s fails on a seed:\n%s\n%s", f.Target, all.Report, r.reproLines(f.Target, all.Crash))
		}
		if all.Last <= four.First {
			return fmt.Errorf("%s: the seeds reach %d edges, an empty corpus %d", f.Target, all.Last, four.First)
		}
		fmt.Printf("%-17s %10d %7s %7d   %d, %d\n", f.Target, calls, "done", f.seeds, four.First, all.Last)
	}
	return nil
}

// checkArrival proves that the seeds arrive in the decoder, by building all of
// it once more on an hcsshim that records what its readOptions reads: from
// libFuzzer it must read each payload that it reads under go test, and in the
// raw target each file of the corpus. What decodes CreateTaskRequest.Options does not
// record.
func (r runner) checkArrival(ctx context.Context, chosen []string) error {
	fmt.Println("\nwhat arrives in the decoder, on an hcsshim that records it")
	checkout := filepath.Join(r.b.Dir, "oss-fuzz", "recorder")
	if err := WriteRecorder(checkout, r.b.Source.Dir); err != nil {
		return err
	}
	built, err := buildFuzzers(ctx, r.b, "recording", checkout, chosen)
	if err != nil {
		return err
	}
	defer built.remove()
	native, err := extract.Prepare(r.b.Root, checkout, r.b.Entry)
	if err != nil {
		return err
	}
	binary := filepath.Join(built.Dir, "fuzz.test")
	if err := gocmd.Show(native.Go(ctx, r.s, "test", "-c", "-o", binary, "./fuzz")); err != nil {
		return err
	}
	for _, f := range built.fuzzers {
		if f.Target == fuzz.Create {
			fmt.Printf("  %-17s NOT RECORDED: it is not readOptions that decodes its input\n", f.Target)
			continue
		}
		if err := r.checkArrivalIn(ctx, f, binary); err != nil {
			return fmt.Errorf("%s: %w", f.Target, err)
		}
	}
	return nil
}

func (r runner) checkArrivalIn(ctx context.Context, f Fuzzer, native string) error {
	dir := filepath.Dir(native)
	record := filepath.Join(dir, f.Target+".libfuzzer")
	nativeRecord := filepath.Join(dir, f.Target+".gotest")
	run, err := f.Run(ctx, Run{Corpus: []string{f.seedDir()}, Flags: []string{"-runs=0"},
		Env: append(r.env(), RecordFile+"="+record)})
	if err != nil {
		return err
	}
	if run.Failed || !run.Done {
		return errors.New(run.Report)
	}
	cmd := r.b.Command(ctx, r.s, native, "-test.run=^"+f.Target+"$")
	cmd.Dir = dir
	cmd.Env = append(cmd.Env, RecordFile+"="+nativeRecord)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("go test: %w\n%s", err, out)
	}
	arrived, err := Recorded(record)
	if err != nil {
		return err
	}
	want, err := Recorded(nativeRecord)
	if err != nil {
		return err
	}
	if f.Target == fuzz.Raw {
		for name, text := range table.Files() {
			if filepath.Ext(name) == ".bin" && len(text) <= fuzz.MaxSeed {
				want[string(text)] = true
			}
		}
	}
	for payload := range want {
		if !arrived[payload] {
			return fmt.Errorf("libFuzzer's decoder was never given this payload of %d bytes: %x…", len(payload),
				payload[:min(len(payload), 40)])
		}
	}
	fmt.Printf("  %-17s %5d payloads, each byte for byte\n", f.Target, len(want))
	return nil
}

// fuzzAll fuzzes each target for a while, from the seeds.
func (r runner) fuzzAll(ctx context.Context, fuzzers []Fuzzer, budget time.Duration) error {
	var results []Result
	fmt.Printf("\nfuzzing each target for %v\n", budget)
	for _, f := range fuzzers {
		res, err := r.fuzzFrom(ctx, f, f.seedDir(), budget)
		if ctx.Err() != nil { // what was found before is still told
			break
		}
		if err != nil {
			return err
		}
		results = append(results, res)
		if res.Failed {
			fmt.Printf("\n%s\n\n", res.Report)
		}
	}
	fmt.Printf("\n%-17s %12s %10s %10s %10s %9s\n", "target", "executions", "a second", "edges from", "to", "failures")
	failed := ctx.Err()
	for _, res := range results {
		failures := 0
		if res.Failed {
			failures, failed = 1, gocmd.ErrReported
		}
		fmt.Printf("%-17s %12d %10d %10d %10d %9d\n", res.Target, res.Executions, res.PerSecond, res.First, res.Last,
			failures)
	}
	for _, res := range results {
		if res.Failed {
			fmt.Printf("\n%s failed:\n%s\n", res.Target, r.reproLines(res.Target, res.Crash))
		}
	}
	return failed
}

// fuzzFrom runs a fuzzer for a time, or until it finds something, from
// the seeds in a folder, or from none if that is "".
func (r runner) fuzzFrom(ctx context.Context, f Fuzzer, seeds string, budget time.Duration) (Result, error) {
	grown := filepath.Join(f.Dir, "corpora", f.Target, "grown")
	if err := errors.Join(os.RemoveAll(grown), os.MkdirAll(grown, 0o777)); err != nil {
		return Result{}, err
	}
	corpora := []string{grown}
	if seeds != "" {
		corpora = append(corpora, seeds)
	}
	start, printed := time.Now(), time.Now()
	return f.Run(ctx, Run{
		Corpus:   corpora,
		Flags:    []string{fmt.Sprintf("-max_total_time=%d", max(1, int(budget.Seconds())))},
		Env:      r.env(),
		Artifact: r.foundDir(f.Target),
		Progress: func(executions, coverage int) {
			if time.Since(printed) > 10*time.Second {
				printed = time.Now()
				fmt.Printf("  %-17s %4.0f s  %9d executions  %5d edges\n", f.Target, time.Since(start).Seconds(),
					executions, coverage)
			}
		},
	})
}

// reproLines say how to replay and how to keep what a fuzzer has found.
func (r runner) reproLines(target, file string) string {
	if file == "" {
		return "  the fuzzer kept no input"
	}
	arguments := r.s.CaseArguments(file)
	if target != fuzz.Raw {
		arguments += " TARGET=" + target
	}
	return "  make repro " + arguments + "\n  make keep " + arguments
}
