package mutants

import (
	"fmt"
	"io"
	"slices"
	"strings"
)

// result is what became of a mutant.
type result string

const (
	isKilled     result = "killed"
	isTimedOut   result = "timed out"        // killed: it hung, and nothing but the clock noticed
	isSurvivor   result = "survived"         // and should not have
	isEquivalent result = "equivalent"       // survived, and no input can tell it from the original
	isNoProgram  result = "does not compile" //
	isDuplicate  result = "duplicate"        // the same machine code as another mutant, or as the original
	isUnknown    result = "not run"          // to its end, for the user has interrupted
)

// printResults prints what was made of each source, and what each layer has killed.
func printResults(w io.Writer, all []*mutant) {
	columns := []result{isNoProgram, isDuplicate, isKilled, isTimedOut, isEquivalent, isSurvivor, isUnknown}
	fmt.Fprintf(w, "%-24s %6s", "mutants of", "made")
	for _, c := range columns {
		fmt.Fprintf(w, "  %s", c)
	}
	fmt.Fprintln(w)
	row := func(name string, of []*mutant) {
		fmt.Fprintf(w, "%-24s %6d", name, len(of))
		for _, c := range columns {
			fmt.Fprintf(w, "  %*d", len(c), count(of, func(m *mutant) bool { return m.result == c }))
		}
		fmt.Fprintln(w)
	}
	var sources []string
	for _, m := range all {
		if !slices.Contains(sources, m.source) {
			sources = append(sources, m.source)
		}
	}
	for _, s := range sources {
		row(s, slices.DeleteFunc(slices.Clone(all), func(m *mutant) bool { return m.source != s }))
	}
	row("all", all)

	fmt.Fprintf(w, "\n%-24s %s\n", "layer", "mutants that it is the first to kill")
	for _, l := range layers {
		fmt.Fprintf(w, "%-24s %d\n", l.name, count(all, func(m *mutant) bool { return m.layer == l.name }))
	}
	if n := count(all, (*mutant).alone); n > 0 {
		fmt.Fprintf(w,
			"\n%d were built alone, for they change constants, variables or types; the others all together.\n", n)
	}
}

func count(all []*mutant, is func(*mutant) bool) (n int) {
	for _, m := range all {
		if is(m) {
			n++
		}
	}
	return n
}

// printSurvivors prints those that survived, and how to look at one.
func printSurvivors(w io.Writer, all []*mutant) {
	for _, m := range all {
		if m.result == isSurvivor {
			fmt.Fprintf(w, "\nSURVIVED  %s\n       %s\n       make -C lab mutants MUTANT='%s'\n", m.id(), m.change,
				m.id())
		}
	}
}

// writeRows writes one line for each mutant, for grep.
func writeRows(w io.Writer, all []*mutant) {
	for _, m := range all {
		fmt.Fprintf(w, "%-16s %s   [%s]   %s\n", m.result, m.id(), m.change,
			strings.TrimSpace(m.layer+" "+m.test+" "+m.note))
	}
}
