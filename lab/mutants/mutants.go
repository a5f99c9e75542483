// Package mutants measures how good the suite is at finding bugs: on mutants of
// the decoders, and on the releases that had them.
package mutants

import (
	"cmp"
	"context"
	"fmt"
	"io"
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
	"shimfuzz/lab/mutants/mutate"
)

// Choice is which of the mutants to run.
type Choice struct {
	Name   string // those with this in their name; "" is all
	Sample int    // that many; 0 is all
	Seed   int    // of the sample, and of what some equivalent mutants go through; 0 is one for today
}

// Mutants changes both decoders, and what hcsshim's calls, in every way that package
// mutate knows, puts each hand-written bug into them, runs the suite on each, and fails
// if it notices nothing of one that is not known to be equivalent.
func Mutants(ctx context.Context, b *extract.Build, c Choice) error {
	known, err := mutate.Equivalent()
	if err != nil {
		return err
	}
	s, err := newSuite(ctx, b)
	if err != nil {
		return err
	}
	all, err := s.mutants(ctx, known)
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
	r := &run{suite: s, seed: c.Seed, all: chosen, start: time.Now()}
	if err := r.run(ctx); err != nil && ctx.Err() == nil {
		return err
	}
	fmt.Println()
	printResults(os.Stdout, chosen)
	file := filepath.Join(b.Dir, "mutants.txt")
	fmt.Printf("\nevery mutant: %s\n", file)
	if err := os.WriteFile(file, []byte(rows(chosen)), 0o666); err != nil {
		return err
	}
	return cmp.Or(ctx.Err(), judge(b, chosen, stale(all, known)))
}

// choose picks the mutants that have a name in theirs, or else a sample.
func choose(all []*mutant, c Choice) ([]*mutant, error) {
	if c.Name != "" {
		chosen := slices.DeleteFunc(slices.Clone(all),
			func(m *mutant) bool { return !strings.Contains(m.id(), c.Name) })
		if len(chosen) == 0 {
			return nil, fmt.Errorf("MUTANT=%s: none of the %d mutants has that in its name", c.Name, len(all))
		}
		return chosen, nil
	}
	if c.Sample == 0 {
		return all, nil
	}
	var chosen []*mutant
	for _, i := range rand.New(rand.NewPCG(uint64(c.Seed), 0)).Perm(len(all))[:min(c.Sample, len(all))] {
		chosen = append(chosen, all[i])
	}
	slices.SortFunc(chosen, func(a, b *mutant) int { return a.number - b.number })
	fmt.Printf("  a sample: %d of %d mutants, again with make -C lab mutants SAMPLE=%d SEED=%d\n", len(chosen),
		len(all), c.Sample, c.Seed)
	return chosen, nil
}

// stale are the entries of the list of equivalent mutants that are not true: the mutant is
// killed, or is no longer made, though others of its source are.
func stale(all []*mutant, known map[string]string) (stale []string) {
	made := make(map[string]bool)
	for _, m := range all {
		made[m.id()], made[m.source] = true, true
		if known[m.id()] != "" && m.result != isEquivalent && m.result != isUnknown {
			stale = append(stale, fmt.Sprintf("%s: %s", m.id(), m.result))
		}
	}
	for _, id := range slices.Sorted(maps.Keys(known)) {
		if source, _, _ := strings.Cut(id, " | "); made[source] && !made[id] {
			stale = append(stale, id+": there is no such mutant")
		}
	}
	return stale
}

// judge fails for a mutant that survived, and for a stale entry in the list of
// equivalent ones.
func judge(b *extract.Build, all []*mutant, stale []string) error {
	wrong := len(stale)
	for _, m := range all {
		if m.result != isSurvivor {
			continue
		}
		wrong++
		fmt.Printf("\nSURVIVED  %s\n       %s\n       make -C lab mutants MUTANT='%s'\n", m.id(), m.change, m.id())
		if m.check != "" {
			fmt.Printf("       its row says that %s kills it\n", m.check)
		}
	}
	for _, s := range stale {
		fmt.Printf("\nSTALE  lab/mutants/mutate/equivalent.txt has %s\n", s)
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

// printResults prints what was made of each source, and what each layer has killed.
func printResults(w io.Writer, all []*mutant) {
	columns := []result{isNoProgram, isKilled, isTimedOut, isEquivalent, isSurvivor, isUnknown}
	var sources []string
	n := make(map[string]int) // by source, source and result, and layer
	for _, m := range all {
		if !slices.Contains(sources, m.source) {
			sources = append(sources, m.source)
		}
		for _, of := range []string{m.source, "all"} {
			n[of]++
			n[of+string(m.result)]++
		}
		n[m.layer]++
	}
	fmt.Fprintf(w, "%-32s %6s", "mutants of", "made")
	for _, c := range columns {
		fmt.Fprintf(w, "  %s", c)
	}
	for _, s := range append(sources, "all") {
		fmt.Fprintf(w, "\n%-32s %6d", s, n[s])
		for _, c := range columns {
			fmt.Fprintf(w, "  %*d", len(c), n[s+string(c)])
		}
	}
	fmt.Fprintf(w, "\n\n%-32s %s\n", "layer", "mutants that it is the first to kill")
	for _, l := range append(layers, layer{name: writtenLayer}) {
		fmt.Fprintf(w, "%-32s %d\n", l.name, n[l.name])
	}
}

// rows have one line for each mutant, for grep.
func rows(all []*mutant) string {
	var out strings.Builder
	for _, m := range all {
		fmt.Fprintf(&out, "%-16s %s   [%s]   %s\n", m.result, m.id(), m.change,
			strings.TrimSpace(m.layer+" "+m.test+" "+m.note))
	}
	return out.String()
}
