package conformance

import (
	"encoding/hex"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"text/tabwriter"

	"shimfuzz/internal/contract"
	"shimfuzz/internal/findings"
	"shimfuzz/internal/gocmd"
	"shimfuzz/internal/grammar"
	"shimfuzz/internal/verdict"
)

// Report is report.json. docs/conformance.md describes it.
type Report struct {
	Format      int            `json:"format"`
	Reader      string         `json:"reader"`
	Options     string         `json:"options"`
	HCSShim     string         `json:"hcsshim"`
	Level       string         `json:"level"`
	Seed        int            `json:"seed"`
	Checks      int            `json:"checks"`
	Longest     int            `json:"longest"`
	Interrupted bool           `json:"interrupted"`
	Green       bool           `json:"green"`
	Levels      []*Counts      `json:"levels"`
	Excused     map[string]int `json:"excused"`
	Problems    []problem      `json:"problems"`
	Causes      []*Cause       `json:"causes"`
	Failures    []*Test        `json:"failures"`

	run *run
	dir string // of its files
}

// Counts are those of the tests of a level.
type Counts struct {
	Level    string `json:"level"`
	Tests    int    `json:"tests"`
	Passed   int    `json:"passed"`
	Failed   int    `json:"failed"`
	Expected int    `json:"expected"` // of the failed ones
	Payloads int    `json:"payloads"`
}

// Test is a test and what has become of it.
type Test struct {
	Name     string `json:"test"`
	Level    string `json:"level"`
	Answer   string `json:"answer"`
	Expected bool   `json:"expected"`
	Cause    int    `json:"cause"`    // index in the causes
	Payloads int    `json:"payloads"` // with a wrong answer
	Payload  string `json:"payload"`  // hexadecimal, up to a size
	File     string `json:"file"`
	Replay   string `json:"replay"`

	failure *failure // nil if it passes
}

func newReport(r *run, dir string) *Report {
	return &Report{Format: 1, Reader: r.Reader, Options: r.name(), HCSShim: r.HCSShim, Level: r.Level,
		Seed: r.Seed, Checks: r.Checks, Longest: r.Longest, Excused: r.explained, Problems: []problem{}, run: r,
		dir: dir}
}

// finish fills the report with what has become of the run, and writes its files.
func (r *Report) finish() error {
	r.Failures = r.run.failures()
	for _, t := range r.Failures {
		t.Answer = t.failure.answer()
	}
	problems := r.run.list.compare(r.run, r.Failures)
	if r.run.Update && !r.Interrupted {
		if err := r.run.list.update(r.run, r.Failures); err != nil {
			return fmt.Errorf("EXPECTED: %w", err)
		}
		problems = nil
		for _, t := range r.Failures {
			t.Expected = true
		}
	}
	if !r.Interrupted {
		r.Problems = append(r.Problems, append(problems, r.outdatedDefects()...)...)
	}
	r.Green = len(r.Problems) == 0 && r.run.unlisted == 0 && !r.Interrupted
	r.count()
	r.Causes = causesOf(r.Failures)
	return r.writeFiles()
}

// outdatedDefects are the known defects that have not shown.
func (r *Report) outdatedDefects() (problems []problem) {
	for _, d := range r.run.engine.Defects {
		if r.Level == Freedoms && r.Excused[d.Name] == 0 {
			problems = append(problems, problem{Test: d.Name, What: "this known defect has not shown: if the engine " +
				"no longer has it, remove it from lab/bugs/engines.go"})
		}
	}
	return problems
}

// count counts the tests of each level.
func (r *Report) count() {
	for i, level := range Levels[:levelOf(r.Level)+1] {
		r.Levels = append(r.Levels, &Counts{Level: level, Payloads: r.run.payloads[level]})
		c := r.Levels[i]
		for _, t := range r.run.tests {
			switch {
			case t.Level != level:
				continue
			case t.failure == nil:
				c.Passed++
			case t.Expected:
				c.Expected++
				fallthrough
			default:
				c.Failed++
			}
			c.Tests++
		}
	}
}

// report is what is told of a failure.
func (f *failure) report(s *Settings) verdict.Report {
	r := f.verdict.Report(grammar.Payload{Bytes: f.payload, Want: f.want}, f.got, contract.Guarantee{}, findings.None)
	r.Verdict, r.Guarantee, r.Program, r.Difference = "", contract.Guarantee{}, s.Reader, f.answer()
	if f.file != "" {
		r.Replay = s.reproCommand(f.file)
	}
	return r
}

// inNames is what the names of files do not have.
var inNames = regexp.MustCompile(`[^-_.+=^0-9A-Za-z]`)

// writeFiles writes everything into the folder.
func (r *Report) writeFiles() error {
	failures := filepath.Join(r.dir, "failures")
	if err := errors.Join(os.RemoveAll(failures), os.MkdirAll(failures, 0o777)); err != nil {
		return err
	}
	const longestName, mostHex = 120, 4096 // in bytes
	for i, t := range r.Failures {
		f := t.failure
		name := inNames.ReplaceAllString(t.Name, "_")
		f.file = filepath.Join(failures, fmt.Sprintf("%s_%d.bin", name[:min(len(name), longestName)], i))
		if err := os.WriteFile(f.file, f.payload, 0o666); err != nil {
			return err
		}
		t.Cause = slices.IndexFunc(r.Causes, func(c *Cause) bool { return c.String() == f.cause() })
		t.File, t.Replay = gocmd.FromHere(f.file), r.run.reproCommand(f.file)
		if len(f.payload) <= mostHex {
			t.Payload = hex.EncodeToString(f.payload)
		}
	}
	for _, c := range r.Causes {
		c.Report = fmt.Sprintf("\n-- %s\n%s%s", c, c.smallest.Name, c.smallest.failure.report(r.run.Settings))
	}
	junit, err := xml.MarshalIndent(r.junit(), "", " ")
	data, err2 := json.MarshalIndent(r, "", " ")
	if err := errors.Join(err, err2); err != nil {
		return err
	}
	return errors.Join(
		writeWhole(filepath.Join(r.dir, "report.txt"), []byte(r.header()+r.text(true))),
		writeWhole(filepath.Join(r.dir, "junit.xml"), append([]byte(xml.Header), append(junit, '\n')...)),
		writeWhole(filepath.Join(r.dir, "report.json"), append(data, '\n')))
}

func (r *Report) header() string {
	name := r.Options
	if name == contract.OptionsName {
		name += ", the fields that those of hcsshim " + r.HCSShim + " have"
	}
	return fmt.Sprintf(
		"reader   %s\noptions  %s\nlevel    %s; seed %d, %d draws for each property, up to %d tokens in a row\n",
		r.Reader, name, r.Level, r.Seed, r.Checks, r.Longest)
}

// text is what fits on a screen, or everything.
func (r *Report) text(everything bool) string {
	most := func(lines int) int {
		if everything {
			return math.MaxInt
		}
		return lines
	}
	var b strings.Builder
	r.table(&b)
	if len(r.Causes) > 0 {
		fmt.Fprintf(&b, "\n%d causes; what is before the colon is explained in docs/contract.md:\n", len(r.Causes))
	}
	some(&b, r.Causes, most(12), func(c *Cause) string { return fmt.Sprintf("  %4d tests  %s", len(c.Tests), c) })
	for i, c := range r.Causes {
		switch {
		case everything:
			fmt.Fprintf(&b, "%stests with this cause:\n  %s\n", c.Report, strings.Join(c.Tests, "\n  "))
		case i == slices.IndexFunc(r.Causes, func(c *Cause) bool { return c.unexpected }):
			b.WriteString(c.Report)
		}
	}
	if !r.Green {
		b.WriteString("\n")
	}
	some(&b, r.Problems, most(20), r.problemText)
	if n := r.run.unlisted; n > 0 {
		fmt.Fprintf(&b, "%d more combinations of tokens fail: they are not listed\n", n)
	}
	if everything {
		b.WriteString("\nevery failure:\n")
		some(&b, r.Failures, math.MaxInt, func(t *Test) string { return t.Name + separator + t.Answer })
	}
	if r.Interrupted {
		b.WriteString("\nINTERRUPTED: this is what was known by then\n")
	}
	failed, expected, payloads := 0, 0, 0
	for _, c := range r.Levels {
		payloads += c.Payloads
		failed += c.Failed
		expected += c.Expected
	}
	fmt.Fprintf(&b, "\neverything: %s\n%d tests, %d failed, %d of them expected, %d causes; %d payloads\n",
		gocmd.FromHere(filepath.Join(r.dir, "report.txt")), len(r.run.tests), failed, expected, len(r.Causes), payloads)
	return b.String()
}

func (r *Report) table(b *strings.Builder) {
	b.WriteString("\n")
	w := tabwriter.NewWriter(b, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "level\ttests\tpassed\tfailed\texpected\tpayloads\t")
	for _, c := range r.Levels {
		fmt.Fprintf(w, "%s\t%d\t%d\t%d\t%d\t%d\t\n", c.Level, c.Tests, c.Passed, c.Failed, c.Expected, c.Payloads)
	}
	_ = w.Flush()
	why := make(map[string]string)
	for _, d := range r.run.engine.Defects {
		why[d.Name] = ": " + d.Why
	}
	for _, name := range slices.Sorted(maps.Keys(r.Excused)) {
		fmt.Fprintf(b, "excused: %d answers, by %s%s\n", r.Excused[name], name, why[name])
	}
}

// some writes a line for each, as far as there is room.
func some[T any](b *strings.Builder, all []T, most int, text func(T) string) {
	for i, e := range all {
		if i == most {
			fmt.Fprintf(b, "… and %d more\n", len(all)-i)
			return
		}
		b.WriteString(text(e) + "\n")
	}
}

// problemText is a problem in a line.
func (r *Report) problemText(p problem) string {
	at := ""
	if p.Line > 0 {
		at = fmt.Sprintf("%s:%d: ", r.run.list.file, p.Line)
	}
	return at + p.Test + ": " + p.What
}
