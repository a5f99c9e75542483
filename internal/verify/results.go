package verify

import (
	"cmp"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"text/tabwriter"

	"shimfuzz/internal/contract"
	"shimfuzz/internal/hcsshim"
	"shimfuzz/internal/verdict"
)

// Results are what tests have found out about the hcsshim under test.
type Results struct {
	HCSShim string         // its version, or path
	Excuses string         // the list of the findings that are excused
	Excused map[string]int // answers, by finding
	Causes  []*Cause       // in the order in which tests have failed for them
}

// Cause is what failures of several tests have in common.
type Cause struct {
	Name   string
	State  string   // one of states
	Tests  []string // each once: one that shrinks its input fails often
	Left   string   // what FINDINGS leaves out if the finding is mended here
	Replay string   // of the best example
	Drawn  bool     // that is no case of the corpus
	Size   int      // of it in bytes
}

// The states of a finding, the one to look at first last.
var states = []string{"excused", "mended here", "not mended", "new"}

// results are those of this process.
var results = struct {
	sync.Mutex
	Results
}{Results: Results{Excused: make(map[string]int)}}

// Record notes a failure of a test, and returns the first test that has failed for its cause.
// One that nothing replays is a report that a test has made to look at.
func Record(test string, r verdict.Report) (first string) {
	if r.Replay == "" {
		return test
	}
	c := &Cause{Name: r.Cause(), State: "new", Tests: []string{test}, Drawn: !r.Payload.IsKept(),
		Size: len(r.Payload.Bytes)}
	c.Replay, _, _ = strings.Cut(r.Replay, "\n")
	c.Left = c.Name
	if r.Finding != nil && len(r.Finding.Places) > 1 { // one can be mended, and the other not
		c.Left += map[contract.Input]string{contract.Stdin: "@readOptions", contract.Create: "@Create"}[r.Payload.Input]
	}
	if _, place, ok := strings.Cut(r.Program, ", "); ok {
		c.Name += " in " + place
	}
	switch {
	case r.Verdict == verdict.KnownRight:
		c.State = "mended here"
	case r.Verdict == verdict.Wrong && r.Finding != nil:
		c.State = "not mended"
	}
	results.Lock()
	defer results.Unlock()
	return results.add(c).Tests[0]
}

// add adds a cause to the same one, if that is known, and returns it. The best example is a case of
// the corpus, and short.
func (r *Results) add(c *Cause) *Cause {
	i := slices.IndexFunc(r.Causes, func(known *Cause) bool { return known.Name == c.Name && known.State == c.State })
	if i < 0 {
		r.Causes = append(r.Causes, c)
		return c
	}
	known := r.Causes[i]
	for _, test := range c.Tests {
		if !slices.Contains(known.Tests, test) {
			known.Tests = append(known.Tests, test)
		}
	}
	if known.Drawn && !c.Drawn || known.Drawn == c.Drawn && c.Size <= known.Size {
		known.Replay, known.Drawn, known.Size = c.Replay, c.Drawn, c.Size
	}
	return known
}

// Add adds the results of another process.
func (r *Results) Add(other Results) {
	if r.Excused == nil {
		r.Excused = make(map[string]int)
	}
	// What excuses nothing may be kept by go test from a run with other FINDINGS.
	if len(other.Excused)+len(other.Causes) > 0 {
		r.HCSShim, r.Excuses = cmp.Or(r.HCSShim, other.HCSShim), cmp.Or(r.Excuses, other.Excuses)
	}
	for finding, n := range other.Excused {
		r.Excused[finding] += n
	}
	for _, c := range other.Causes {
		r.add(c)
	}
}

// Print prints a line for each finding that was met, and for each new cause, and what to do next.
func (r *Results) Print(w io.Writer) {
	if len(r.Excused)+len(r.Causes) == 0 {
		return
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(table, "\nfindings in hcsshim %s, FINDINGS=%s:\n", r.HCSShim, r.Excuses)
	for _, name := range slices.Sorted(maps.Keys(r.Excused)) {
		fmt.Fprintf(table, "  %s\t%s\tanswers: %d\n", states[0], name, r.Excused[name])
	}
	slices.SortStableFunc(r.Causes, func(a, b *Cause) int {
		return cmp.Or(slices.Index(states, a.State)-slices.Index(states, b.State), len(a.Tests)-len(b.Tests))
	})
	mended, isNew := "", false
	for _, c := range r.Causes {
		if c.State == "mended here" && !strings.Contains(mended+",", ",-"+c.Left+",") {
			mended += ",-" + c.Left
		}
		isNew = isNew || c.State == "new"
		fmt.Fprintf(table, "  %s\t%s\ttests: %d\t%s\n", c.State, c.Name, len(c.Tests), c.Replay)
	}
	_ = table.Flush() // w reports its own errors
	if mended != "" {
		fmt.Fprintf(w, "what is mended stays so with FINDINGS=%s%s\n", r.Excuses, mended)
	}
	if isNew {
		fmt.Fprintln(w, "a new defect in hcsshim: docs/findings.md says how to report it, SECURITY.md to whom if it "+
			"crashes")
	}
	if len(r.Causes) > 0 {
		fmt.Fprintln(w, "without make: go run ./cmd/shimfuzz repro -case=<file>, with the same GOWORK and FINDINGS")
	}
}

// ResultsLine begins the line of results in what go test -json gives.
const ResultsLine = "results of the suite: "

// finish prints the results of a package, or hands them to the command.
func finish(failed bool) {
	results.Lock()
	defer results.Unlock()
	results.HCSShim, results.Excuses = hcsshim.Current().Source, Excused().Name
	if !failed {
		results.Causes = nil // of failures that a test wants
	}
	if flag.Lookup("test.v").Value.String() == "test2json" {
		text, _ := json.Marshal(results.Results) // which has strings and numbers only
		fmt.Printf("%s%s\n", ResultsLine, text)
		return
	}
	results.Print(os.Stdout)
}
