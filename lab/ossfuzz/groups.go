package ossfuzz

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"shimfuzz/corpus"
	"shimfuzz/fuzz"
	"shimfuzz/internal/findings"
)

// programs have the findings that a target shows if its input is a case of the corpus.
var programs = map[string]string{
	"FuzzReadOptions": findings.ReadOptions,
	"FuzzReaders":     findings.ReadOptions,
	fuzz.Create:       findings.Create,
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
	// The finding by its group, and the other way.
	groups, seen := make(map[string]string), make(map[string]string)
	for _, f := range fuzzers {
		list := findings.Of(programs[f.Target], r.b.Source.Version)
		for _, known := range list.Findings() {
			place, _ := known.In(list.Program)
			r.s.Findings = list.Name + ",-" + known.Name
			group, err := r.crash(ctx, f, payloads[place.Case])
			if err != nil {
				return err
			}
			name := list.Program + ", " + known.Name
			if other := groups[group]; group == "" || other != "" && other != name {
				return fmt.Errorf("%s: %s is in the group %q, with %q", f.Target, name, group, other)
			}
			if other := seen[name]; other != "" && other != group {
				return fmt.Errorf("%s: %s is in the group %q, and from another target in %q",
					f.Target, name, group, other)
			}
			groups[group], seen[name] = name, group
			fmt.Printf("  %-17s %s\n", f.Target, group)
		}
	}
	fmt.Printf("  %d groups\n", len(groups))
	return nil
}

// crash runs a fuzzer on one input, and returns its group.
func (r runner) crash(ctx context.Context, f Fuzzer, input []byte) (string, error) {
	file := filepath.Join(f.Dir, "input")
	if err := os.WriteFile(file, input, 0o666); err != nil {
		return "", err
	}
	res, err := f.Run(ctx, Run{Corpus: []string{file}, Env: r.env()})
	return res.Group, err
}

var (
	panicLine = regexp.MustCompile(`(?m)^\s*panic: (.*)$`)
	frameLine = regexp.MustCompile(`(?m)^([-\w.\\/()*]+)\([x0-9a-f\s,.{}]*\)$`)
)

// groupOf is what ClusterFuzz tells a panic by: its message and the function at the top of
// its stack. A message with FuzzerHash= it compares exactly. It is "" without a panic.
func groupOf(text string) string {
	all := panicLine.FindAllStringSubmatchIndex(text, -1)
	if len(all) == 0 {
		return ""
	}
	last := all[len(all)-1]
	group := text[last[2]:last[3]]
	for _, m := range frameLine.FindAllStringSubmatch(text[last[1]:], -1) {
		if name := m[1][strings.LastIndexByte(m[1], '/')+1:]; name != "panic" && !strings.HasPrefix(name, "runtime.") {
			return group + " | " + name
		}
	}
	return group
}
