package ossfuzz

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"shimfuzz/corpus"
	"shimfuzz/internal/findings"
	"shimfuzz/internal/targets"
	"shimfuzz/lab/ossfuzz/clusterfuzz"
)

// programs have the findings that a target shows if its input is a case of the corpus.
var programs = map[string]string{
	"FuzzReadOptions":   findings.ReadOptions,
	"FuzzReaders":       findings.ReadOptions,
	targets.Create.Name: findings.Create,
}

// checkGroups stops excusing one known finding after another. Each must be a group of its
// own to ClusterFuzz, and the same from each target. A checkout may have mended some.
func (r runner) checkGroups(ctx context.Context, fuzzers []Fuzzer) error {
	if r.b.Source.Version == "" {
		return nil
	}
	cases, err := corpus.Load()
	if err != nil {
		return err
	}
	payloads := make(map[string][]byte)
	for _, c := range cases {
		payloads[c.Name] = c.Payload.Bytes
	}
	fmt.Println("\nwhat ClusterFuzz groups by, where a known finding is not excused")
	var groups clusterfuzz.Groups
	for _, f := range fuzzers {
		list := findings.Of(programs[f.Target], r.b.Source.Version)
		for _, known := range list.Findings() {
			place, _ := known.In(list.Program)
			r.s.Findings = list.Name + ",-" + known.Name
			state, err := r.crash(ctx, f, payloads[place.Case])
			if err != nil {
				return err
			}
			if err := groups.Add(list.Program+", "+known.Name, state); err != nil {
				return fmt.Errorf("%s: %w", f.Target, err)
			}
			fmt.Printf("  %-17s %s\n", f.Target, strings.Join(state.Lines, " | "))
		}
	}
	fmt.Printf("  %d groups\n", len(groups))
	return nil
}

// crash runs a fuzzer on one input.
func (r runner) crash(ctx context.Context, f Fuzzer, input []byte) (clusterfuzz.State, error) {
	file := filepath.Join(f.Dir, "input")
	if err := os.WriteFile(file, input, 0o666); err != nil {
		return clusterfuzz.State{}, err
	}
	res, err := f.Run(ctx, Run{Corpus: []string{file}, Env: r.env()})
	return res.Group, err
}
