// Package killmatrix shows which parts of the suite kill which mutants.
package killmatrix

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// Result is what became of a mutant.
type Result string

const (
	Killed      Result = "killed"
	TimedOut    Result = "timed out"        // killed: it hung, and nothing but the clock noticed
	Survived    Result = "survived"         // and should not have
	Equivalent  Result = "equivalent"       // survived, and no input can tell it from the original
	BuildFailed Result = "does not compile" //
	Duplicate   Result = "duplicate"        // the same test binaries as another mutant, or as the original
)

// Kill is a part of the suite that failed on a mutant.
type Kill struct {
	Layer string // "corpus", "properties", …
	Test  string // the test or fuzz target
	Execs int    // executions up to the failure, for a fuzz target
}

// Mutant is a row of the matrix.
type Mutant struct {
	Source string // what it is a mutant of: "hcsshim v0.15.0", "reference", …
	Name   string
	Change string // for people: where, what, and to what
	Result Result
	Note   string        // the reason why it is equivalent, the duplicate's name, the compiler's words
	Kills  []Kill        // in the order of the layers
	After  time.Duration // from the first test's start to the end of the first layer that killed it
}

// ID names a mutant among all.
func (m *Mutant) ID() string { return m.Source + " | " + m.Name }

// killed reports whether the suite noticed it.
func (m *Mutant) killed() bool { return m.Result == Killed || m.Result == TimedOut }

// killedBy reports whether a test of the layer noticed it; test "" is any.
func (m *Mutant) killedBy(layer, test string) bool {
	return slices.ContainsFunc(m.Kills, func(k Kill) bool { return k.Layer == layer && (test == "" || k.Test == test) })
}

// sources are the sources in the order in which they first occur.
func sources(all []*Mutant) []string {
	var list []string
	for _, m := range all {
		if !slices.Contains(list, m.Source) {
			list = append(list, m.Source)
		}
	}
	return list
}

func with(all []*Mutant, is func(*Mutant) bool) []*Mutant {
	return slices.DeleteFunc(slices.Clone(all), func(m *Mutant) bool { return !is(m) })
}

// column is a test with its kills.
type column struct {
	layer, test string
	kills       int
	alone       int // mutants that nothing else in its group kills
	execs       []int
}

// columns are the tests that killed something, in the order of layers. What each
// kills alone is counted among the tests of the layers that among names.
func columns(all []*Mutant, layers []string, among func(layer string) bool) []column {
	var list []column
	for _, m := range all {
		by := slices.DeleteFunc(slices.Clone(m.Kills), func(k Kill) bool { return !among(k.Layer) })
		for _, k := range by {
			i := slices.IndexFunc(list, func(c column) bool { return c.layer == k.Layer && c.test == k.Test })
			if i < 0 {
				i = len(list)
				list = append(list, column{layer: k.Layer, test: k.Test})
			}
			list[i].kills++
			list[i].execs = append(list[i].execs, k.Execs)
			if len(by) == 1 {
				list[i].alone++
			}
		}
	}
	slices.SortFunc(list, func(a, b column) int {
		return cmp.Or(cmp.Compare(slices.Index(layers, a.layer), slices.Index(layers, b.layer)), b.kills-a.kills, strings.Compare(a.test, b.test))
	})
	return list
}

// Text writes the summary: what was made of each source, what each layer and
// each test killed, and what survived. tests are the properties there are, so that
// those that kill nothing show as well; fuzz tells a fuzz target's layer.
func Text(w io.Writer, all []*Mutant, layers, tests []string, fuzz func(layer string) bool) {
	fmt.Fprintf(w, "%-24s %6s %10s %6s %7s %9s %11s %6s %14s\n", "mutants of", "made", "no program", "duplicates", "killed", "timed out", "equivalent", "SURVIVED", "killed after")
	row := func(name string, of []*Mutant) {
		n := make(map[Result]int)
		var after []time.Duration
		for _, m := range of {
			n[m.Result]++
			if m.killed() {
				after = append(after, m.After)
			}
		}
		fmt.Fprintf(w, "%-24s %6d %10d %6d %7d %9d %11d %6d %14s\n", name, len(of), n[BuildFailed], n[Duplicate], n[Killed], n[TimedOut], n[Equivalent], n[Survived], seconds(after))
	}
	for _, s := range sources(all) {
		row(s, with(all, func(m *Mutant) bool { return m.Source == s }))
	}
	row("all", all)

	killed := with(all, (*Mutant).killed)
	fmt.Fprintf(w, "\n%-24s %7s of %d\n", "layer", "kills", len(killed))
	for _, l := range layers {
		n := len(with(killed, func(m *Mutant) bool { return m.killedBy(l, "") }))
		fmt.Fprintf(w, "%-24s %7d  %3.0f %%\n", l, n, 100*float64(n)/float64(max(1, len(killed))))
	}
	notFuzz := func(l string) bool { return !fuzz(l) }
	fmt.Fprintf(w, "\n%-24s %-16s %7s  %s\n", "property", "layer", "kills", "alone among the properties")
	cols := columns(killed, layers, notFuzz)
	for _, c := range cols {
		fmt.Fprintf(w, "%-24s %-16s %7d  %d\n", c.test, c.layer, c.kills, c.alone)
	}
	fmt.Fprintf(w, "\n%-24s %-16s %7s  %s\n", "fuzz target", "layer", "kills", "executions, median")
	for _, c := range columns(killed, layers, fuzz) {
		slices.Sort(c.execs)
		fmt.Fprintf(w, "%-24s %-16s %7d  %d\n", c.test, c.layer, c.kills, c.execs[len(c.execs)/2])
	}
	idle := slices.DeleteFunc(slices.Clone(tests), func(t string) bool {
		return slices.ContainsFunc(cols, func(c column) bool { return c.test == t && c.alone > 0 })
	})
	if len(idle) > 0 {
		fmt.Fprintf(w, "\nkill nothing here that no other property kills: %s\n", strings.Join(idle, ", "))
	}
}

// seconds is the median of durations.
func seconds(d []time.Duration) string {
	if len(d) == 0 {
		return "-"
	}
	slices.Sort(d)
	return fmt.Sprintf("%.1f s median", d[len(d)/2].Seconds())
}

// Survivors writes those that survived, and how to look at one.
func Survivors(w io.Writer, all []*Mutant) {
	for _, m := range with(all, func(m *Mutant) bool { return m.Result == Survived }) {
		fmt.Fprintf(w, "\nSURVIVED  %s\n       %s\n       make mutants MUTANT='%s'\n", m.ID(), m.Change, m.ID())
	}
}

// Rows writes one line for each mutant, for grep.
func Rows(w io.Writer, all []*Mutant) {
	for _, m := range all {
		var by []string
		for _, k := range m.Kills {
			by = append(by, k.Test)
		}
		fmt.Fprintf(w, "%-16s %s   [%s]   %s%s\n", m.Result, m.ID(), m.Change, strings.Join(slices.Compact(by), " "), m.Note)
	}
}
