// Package mutants measures how good the suite is at finding bugs: on mutants of
// the decoders, and on the releases that had them.
package mutants

import (
	"cmp"
	"context"
	_ "embed"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"shimfuzz/internal/gocmd"
	"shimfuzz/internal/hcsshim/extract"
	"shimfuzz/internal/settings"
	"shimfuzz/lab/mutants/mutate"
)

// Choice is which of the mutants to run.
type Choice struct {
	Name   string // those with this in their name; "" is all
	Sample int    // that many; 0 is all
	Seed   int    // of the sample, and of what some equivalent mutants go through; 0 is one for today
}

// mutant is one of a decoder, or of what it calls.
type mutant struct {
	mutate.Mutant              // of a hand-written one only the Name, and why somebody would write it
	file          *mutate.File // that is changed; nil for a hand-written one
	source        string       // what it is a mutant of: "hcsshim v0.15.0", "reference", …
	settings      settings.Test
	check         string // that has to kill a hand-written one
	known         string // the reason why it is equivalent, if it is known to be
	number        int    // among all

	result result
	why    string // the layer and the test that killed it first, or the reason, or the compiler's words
}

// id names a mutant among all.
func (m *mutant) id() string { return m.source + " | " + m.Name }

// result is what became of a mutant.
type result string

const (
	isKilled     result = "killed"
	isTimedOut   result = "timed out"        // killed: it hung, and nothing but the clock noticed
	isSurvivor   result = "survived"         // and should not have
	isEquivalent result = "equivalent"       // survived, and no input can tell it from the original
	isNoProgram  result = "does not compile" //
	isUnknown    result = "not run"          // to its end, for the user has interrupted
)

// Mutants changes both decoders, and what hcsshim's calls, in every way that package
// mutate knows, puts each hand-written bug into them, runs the suite on each, and fails
// if it notices nothing of one that is not known to be equivalent.
func Mutants(ctx context.Context, b *extract.Build, c Choice) error {
	s, err := newSuite(ctx, b)
	if err != nil {
		return err
	}
	all, err := s.mutants(ctx)
	if err != nil {
		return err
	}
	if c.Seed == 0 {
		c.Seed, _ = strconv.Atoi(time.Now().Format("20060102")) // digits are a number
	}
	chosen, err := choose(all, c)
	if err != nil {
		return err
	}
	s.seed = c.Seed
	if err := s.run(ctx, chosen); err != nil && ctx.Err() == nil {
		return err
	}
	printResults(chosen)
	var rows strings.Builder
	for _, m := range chosen {
		fmt.Fprintf(&rows, "%-16s %s   [%s]   %s\n", m.result, m.id(), m.Change, m.why)
	}
	file := filepath.Join(b.Dir, "mutants.txt")
	fmt.Printf("\nevery mutant: %s\n", file)
	if err := os.WriteFile(file, []byte(rows.String()), 0o666); err != nil {
		return err
	}
	return cmp.Or(ctx.Err(), judge(b, all, equivalents))
}

//go:embed mutate/equivalent.txt
var equivalentText string

// equivalents are the mutants that no input can tell from the original, by their ids, with
// the reason. Each line of equivalent.txt is one: source | name | reason. The source carries
// the version that the mutant is of, so that a new one is judged again.
var equivalents = func() map[string]string {
	all := make(map[string]string)
	for line := range strings.Lines(equivalentText) {
		if parts := strings.SplitN(strings.TrimSpace(line), " | ", 3); len(parts) == 3 {
			all[parts[0]+" | "+parts[1]] = parts[2]
		}
	}
	return all
}()

// choose picks the mutants that have a name in theirs, or a sample of these.
func choose(all []*mutant, c Choice) ([]*mutant, error) {
	chosen := slices.DeleteFunc(slices.Clone(all), func(m *mutant) bool { return !strings.Contains(m.id(), c.Name) })
	if len(chosen) == 0 {
		return nil, fmt.Errorf("MUTANT=%s: none of the %d mutants has that in its name", c.Name, len(all))
	}
	if c.Sample > 0 && c.Sample < len(chosen) {
		rand.New(rand.NewPCG(uint64(c.Seed), 0)).Shuffle(len(chosen), func(i, j int) {
			chosen[i], chosen[j] = chosen[j], chosen[i]
		})
		chosen = chosen[:c.Sample]
		slices.SortFunc(chosen, func(a, b *mutant) int { return a.number - b.number })
		fmt.Printf("  a sample: %d of %d mutants, again with SAMPLE=%d SEED=%d\n", c.Sample, len(all), c.Sample, c.Seed)
	}
	return chosen, nil
}

// judge fails for a mutant that survived, and for an entry of the list of equivalent ones
// that is not true: the mutant is killed, or is no longer made, though others of its source are.
func judge(b *extract.Build, all []*mutant, known map[string]string) error {
	wrong, made := 0, make(map[string]bool)
	stale := func(id, what string) {
		wrong++
		fmt.Printf("\nSTALE  lab/mutants/mutate/equivalent.txt has %s: %s\n", id, what)
	}
	for _, m := range all {
		made[m.id()], made[m.source] = true, true
		switch {
		case m.result == isSurvivor:
			wrong++
			fmt.Printf("\nSURVIVED  %s\n       %s\n       make -C lab mutants MUTANT='%s'\n", m.id(), m.Change, m.id())
		case known[m.id()] != "" && m.result != isEquivalent && m.result != isUnknown:
			stale(m.id(), string(m.result))
		}
	}
	for _, id := range slices.Sorted(maps.Keys(known)) {
		if source, _, _ := strings.Cut(id, " | "); made[source] && !made[id] {
			stale(id, "there is no such mutant")
		}
	}
	if wrong == 0 {
		return nil
	}
	if b.Source.Version == "" {
		fmt.Println("\nnote: a checkout has no list of equivalent mutants; judge those that survived yourself")
		return nil
	}
	return gocmd.ErrReported
}

// printResults prints what became of the mutants of each source.
func printResults(all []*mutant) {
	columns := []result{isNoProgram, isKilled, isTimedOut, isEquivalent, isSurvivor, isUnknown}
	var sources []string
	n := make(map[string]int) // by source, and by source and result
	for _, m := range all {
		if n[m.source] == 0 {
			sources = append(sources, m.source)
		}
		for _, of := range []string{m.source, "all"} {
			n[of]++
			n[of+string(m.result)]++
		}
	}
	for _, s := range append(sources, "all") {
		fmt.Printf("\n%-32s %6d made", s, n[s])
		for _, c := range columns {
			fmt.Printf("  %3d %s", n[s+string(c)], c)
		}
	}
	fmt.Println()
}
