package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

	"shimfuzz/corpus/table"
	"shimfuzz/internal/hcsshim/extract"
	"shimfuzz/internal/ossfuzz"
	"shimfuzz/internal/settings"
	"shimfuzz/internal/targets"
)

// ossFuzz runs oss-fuzz/build.sh in a stand-in for OSS-Fuzz's builder and holds
// what it makes to the checks of that infrastructure, and to more.
func ossFuzz(ctx context.Context, b *extract.Build) error {
	chosen, err := chosenTargets()
	if err != nil {
		return err
	}
	budget, err := time.ParseDuration(setting("FUZZTIME", "60s"))
	if err != nil {
		return fmt.Errorf("FUZZTIME=%s: want a time, such as 60s", os.Getenv("FUZZTIME"))
	}
	sanitizer := setting("SANITIZER", "address")
	if err := ossfuzz.Ready(ctx, sanitizer); err != nil {
		return err
	}
	fmt.Printf("oss-fuzz/build.sh on hcsshim %s, SANITIZER=%s\n", b.Source.Name, sanitizer)
	builder, err := buildFuzzers(ctx, b, sanitizer, b.Source.Dir)
	if err != nil {
		return err
	}
	fuzzers, remove, err := moveOut(builder, chosen)
	if err != nil {
		return err
	}
	defer remove()
	if sanitizer == "coverage" {
		return seedCoverage(ctx, b, builder, fuzzers)
	}
	if err := checkFuzzers(ctx, b, fuzzers); err != nil {
		return err
	}
	if err := checkArrival(ctx, b, chosen); err != nil {
		return err
	}
	return runFuzzers(ctx, b, fuzzers, budget)
}

// buildFuzzers runs build.sh on the checkout in dir.
func buildFuzzers(ctx context.Context, b *extract.Build, name, dir string) (ossfuzz.Builder, error) {
	sanitizer := name
	if sanitizer != "coverage" {
		sanitizer = "address"
	}
	builder := ossfuzz.Builder{Dir: filepath.Join(b.Dir, "oss-fuzz", name), Sanitizer: sanitizer, HCSShim: dir, Suite: b.Root}
	start := time.Now()
	fmt.Printf("  %-34s ", "building (minutes the first time)")
	if err := builder.Build(ctx); err != nil {
		fmt.Println("failed")
		return builder, err
	}
	fmt.Printf("%4.0f s, all it printed: %s\n", time.Since(start).Seconds(), fromHere(builder.Log()))
	return builder, nil
}

// moveOut takes what was built to a folder outside the clone, as OSS-Fuzz does,
// and the rest away: a fuzzer must need nothing but what stands beside it. A
// report of coverage needs the sources, there as here. The caller removes the folder.
func moveOut(builder ossfuzz.Builder, chosen []string) (fuzzers []ossfuzz.Fuzzer, remove func(), err error) {
	dir, err := os.MkdirTemp("", "shimfuzz-out-")
	if err != nil {
		return nil, nil, err
	}
	remove = func() { os.RemoveAll(dir) }
	err = errors.Join(extract.CopyTree(dir, builder.Out(), nil), os.RemoveAll(builder.Out()))
	if builder.Sanitizer == "address" {
		err = errors.Join(err, os.RemoveAll(builder.Src()), os.RemoveAll(builder.Work()))
	}
	if err != nil {
		remove()
		return nil, nil, err
	}
	for _, target := range chosen {
		fuzzers = append(fuzzers, ossfuzz.Fuzzer{Dir: dir, Target: target})
	}
	return fuzzers, remove, nil
}

// foundDir is where inputs are kept that make a target fail, beyond the next build.
func foundDir(b *extract.Build, target string) string {
	return filepath.Join(b.Dir, "oss-fuzz-found", target)
}

// excusing is the environment in which the fuzzers know the findings of the
// version under test, which to them is a checkout.
func excusing(b *extract.Build) []string {
	if os.Getenv(settings.Findings) == "" && b.Source.Version != "" {
		return []string{settings.Findings + "=" + b.Source.Version}
	}
	return nil
}

// checkFuzzers makes the checks that need nothing but the built files.
func checkFuzzers(ctx context.Context, b *extract.Build, fuzzers []ossfuzz.Fuzzer) error {
	fmt.Printf("\n%-16s %10s %7s %7s   %s\n", "target", "ASan calls", "4 runs", "seeds", "coverage in edges: empty corpus, seeds")
	for _, f := range fuzzers {
		calls, err := f.Inspect(ctx)
		if err != nil {
			return fmt.Errorf("%s: %w", f.Target, err)
		}
		four, err := f.Run(ctx, ossfuzz.Run{Flags: []string{"-seed=1337", "-runs=4"}, Env: excusing(b)})
		if err != nil {
			return err
		}
		if four.Failed || !four.Done || four.Executions != 4 {
			return fmt.Errorf("%s: -runs=4 did not end with \"Done 4 runs\": %s", f.Target, four.Report)
		}
		seeds, n, err := unpackSeeds(f)
		if err != nil {
			return err
		}
		kept := foundDir(b, f.Target)
		if err := os.MkdirAll(kept, 0o777); err != nil {
			return err
		}
		all, err := f.Run(ctx, ossfuzz.Run{Corpus: []string{seeds}, Flags: []string{"-runs=0"}, Env: excusing(b), Artifact: kept})
		if err != nil {
			return err
		}
		if all.Failed || !all.Done || all.Executions < n {
			return fmt.Errorf("%s fails on a seed:\n%s\n%s", f.Target, all.Report, reproLines(f.Target, all.Crash))
		}
		if all.Last <= four.First {
			return fmt.Errorf("%s: the seeds reach %d edges, an empty corpus %d", f.Target, all.Last, four.First)
		}
		fmt.Printf("%-16s %10d %7s %7d   %d, %d\n", f.Target, calls, "done", n, four.First, all.Last)
	}
	return nil
}

// unpackSeeds unpacks a fuzzer's seeds beside it.
func unpackSeeds(f ossfuzz.Fuzzer) (dir string, n int, err error) {
	dir = filepath.Join(f.Dir, "corpora", f.Target, "seeds")
	if err := os.RemoveAll(filepath.Dir(dir)); err != nil {
		return "", 0, err
	}
	n, err = f.Seeds(dir)
	return dir, n, err
}

// checkArrival proves that the seeds arrive in the decoder, by building all of
// it once more on an hcsshim that records what its readOptions reads: from
// libFuzzer it must read each payload that it reads under go test, and in the
// raw target each file of the corpus.
func checkArrival(ctx context.Context, b *extract.Build, chosen []string) error {
	fmt.Println("\nwhat arrives in the decoder, on an hcsshim that records it")
	checkout := filepath.Join(b.Dir, "oss-fuzz", "recorder")
	if err := ossfuzz.WriteRecorder(checkout, b.Source.Dir); err != nil {
		return err
	}
	builder, err := buildFuzzers(ctx, b, "recording", checkout)
	if err != nil {
		return err
	}
	fuzzers, remove, err := moveOut(builder, chosen)
	if err != nil {
		return err
	}
	defer remove()
	native, err := extract.Prepare(b.Root, checkout)
	if err != nil {
		return err
	}
	binary := filepath.Join(builder.Dir, "fuzz.test")
	if err := reported(goTool(ctx, native, "test", "-c", "-o", binary, "./fuzz")); err != nil {
		return err
	}
	for _, f := range fuzzers {
		if err := checkArrivalIn(ctx, b, builder, f, binary); err != nil {
			return fmt.Errorf("%s: %w", f.Target, err)
		}
	}
	return nil
}

func checkArrivalIn(ctx context.Context, b *extract.Build, builder ossfuzz.Builder, f ossfuzz.Fuzzer, native string) error {
	record := filepath.Join(builder.Dir, f.Target+".libfuzzer")
	nativeRecord := filepath.Join(builder.Dir, f.Target+".gotest")
	seeds, _, err := unpackSeeds(f)
	if err != nil {
		return err
	}
	run, err := f.Run(ctx, ossfuzz.Run{Corpus: []string{seeds}, Flags: []string{"-runs=0"}, Env: append(excusing(b), ossfuzz.RecordFile+"="+record)})
	if err != nil {
		return err
	}
	if run.Failed || !run.Done {
		return errors.New(run.Report)
	}
	cmd := tool(ctx, b, native, "-test.run=^"+f.Target+"$")
	cmd.Dir = builder.Dir
	cmd.Env = append(append(cmd.Env, excusing(b)...), ossfuzz.RecordFile+"="+nativeRecord)
	cmd.Stdout, cmd.Stderr = nil, nil
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("go test: %w\n%s", err, out)
	}
	arrived, err := ossfuzz.Recorded(record)
	if err != nil {
		return err
	}
	want, err := ossfuzz.Recorded(nativeRecord)
	if err != nil {
		return err
	}
	if f.Target == targets.All[0].Name {
		if err := addCorpus(want, b.Root); err != nil {
			return err
		}
	}
	for payload := range want {
		if !arrived[payload] {
			return fmt.Errorf("libFuzzer's decoder was never given this payload of %d bytes: %x", len(payload), payload)
		}
	}
	fmt.Printf("  %-16s %5d payloads, each byte for byte\n", f.Target, len(want))
	return nil
}

// addCorpus adds the files of the corpus.
func addCorpus(payloads map[string]bool, root string) error {
	files, err := table.Files()
	if err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if filepath.Ext(name) != ".bin" {
			continue
		}
		b, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			return err
		}
		payloads[string(b)] = true
	}
	return nil
}

// runFuzzers fuzzes each target for a while, from the seeds.
func runFuzzers(ctx context.Context, b *extract.Build, fuzzers []ossfuzz.Fuzzer, budget time.Duration) error {
	type row struct {
		target string
		ossfuzz.Result
	}
	var rows []row
	fmt.Printf("\nfuzzing each target for %v\n", budget)
	for _, f := range fuzzers {
		seeds, _, err := unpackSeeds(f)
		if err != nil {
			return err
		}
		res, err := fuzzFrom(ctx, b, f, seeds, budget, excusing(b))
		if ctx.Err() != nil { // what was found before is still told
			break
		}
		if err != nil {
			return err
		}
		rows = append(rows, row{f.Target, res})
		if res.Failed {
			fmt.Printf("\n%s\n\n", res.Report)
		}
	}
	fmt.Printf("\n%-16s %12s %10s %10s %10s %9s\n", "target", "executions", "a second", "edges from", "to", "failures")
	failed := ctx.Err()
	for _, r := range rows {
		failures := 0
		if r.Failed {
			failures, failed = 1, errReported
		}
		fmt.Printf("%-16s %12d %10d %10d %10d %9d\n", r.target, r.Executions, r.PerSecond, r.First, r.Last, failures)
	}
	for _, r := range rows {
		if r.Failed {
			fmt.Printf("\n%s failed:\n%s\n", r.target, reproLines(r.target, r.Crash))
		}
	}
	return failed
}

// fuzzFrom runs a fuzzer for a time, or until it finds something. Beside the
// seeds, unless these are "", stands the corpus that it grows.
func fuzzFrom(ctx context.Context, b *extract.Build, f ossfuzz.Fuzzer, seeds string, budget time.Duration, env []string) (ossfuzz.Result, error) {
	grown := filepath.Join(f.Dir, "corpora", f.Target, "grown")
	kept := foundDir(b, f.Target)
	if err := errors.Join(os.RemoveAll(grown), os.MkdirAll(grown, 0o777), os.MkdirAll(kept, 0o777)); err != nil {
		return ossfuzz.Result{}, err
	}
	corpora := []string{grown}
	if seeds != "" {
		corpora = append(corpora, seeds)
	}
	start, printed := time.Now(), time.Now()
	return f.Run(ctx, ossfuzz.Run{
		Corpus:   corpora,
		Flags:    []string{fmt.Sprintf("-max_total_time=%d", max(1, int(budget.Seconds())))},
		Env:      env,
		Artifact: kept,
		Progress: func(executions, coverage int) {
			if time.Since(printed) > 10*time.Second {
				printed = time.Now()
				fmt.Printf("  %-16s %4.0f s  %9d executions  %5d edges\n", f.Target, time.Since(start).Seconds(), executions, coverage)
			}
		},
	})
}

// reproLines say how to replay and how to keep what a fuzzer has found.
func reproLines(target, file string) string {
	if file == "" {
		return "  the fuzzer kept no input"
	}
	arguments := settings.CaseArguments(file)
	if target != targets.All[0].Name {
		arguments += " TARGET=" + target
	}
	return "  make repro " + arguments + "\n  make keep " + arguments
}
