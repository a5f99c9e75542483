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
	isUnknown    result = "not run"          // to its end, for the user has interrupted
)

// printResults prints what was made of each source, and what each layer has killed.
func printResults(w io.Writer, all []*mutant) {
	columns := []result{isNoProgram, isKilled, isTimedOut, isEquivalent, isSurvivor, isUnknown}
	fmt.Fprintf(w, "%-32s %6s", "mutants of", "made")
	var sources []string
	for _, m := range all {
		if !slices.Contains(sources, m.source) {
			sources = append(sources, m.source)
		}
	}
	for _, c := range columns {
		fmt.Fprintf(w, "  %s", c)
	}
	for _, s := range append(sources, "all") {
		of := func(m *mutant) bool { return s == "all" || m.source == s }
		fmt.Fprintf(w, "\n%-32s %6d", s, count(all, of))
		for _, c := range columns {
			n := count(all, func(m *mutant) bool { return of(m) && m.result == c })
			fmt.Fprintf(w, "  %*d", len(c), n)
		}
	}
	fmt.Fprintf(w, "\n\n%-32s %s\n", "layer", "mutants that it is the first to kill")
	for _, l := range append(layers, layer{name: writtenLayer}) {
		fmt.Fprintf(w, "%-32s %d\n", l.name, count(all, func(m *mutant) bool { return m.layer == l.name }))
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

// rows have one line for each mutant, for grep.
func rows(all []*mutant) string {
	var out strings.Builder
	for _, m := range all {
		fmt.Fprintf(&out, "%-16s %s   [%s]   %s\n", m.result, m.id(), m.change,
			strings.TrimSpace(m.layer+" "+m.test+" "+m.note))
	}
	return out.String()
}
