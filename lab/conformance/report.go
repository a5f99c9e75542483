package conformance

import (
	"encoding/hex"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"shimfuzz/internal/contract"
	"shimfuzz/internal/findings"
	"shimfuzz/internal/gocmd"
	"shimfuzz/internal/grammar"
	"shimfuzz/internal/verdict"
)

// Report is report.json. docs/conformance.md describes it.
type Report struct {
	Format int `json:"format"`
	*Settings
	Options     string         `json:"options"` // the full name of the type
	Interrupted bool           `json:"interrupted"`
	Green       bool           `json:"green"`
	Levels      []*Counts      `json:"levels"`
	Excused     map[string]int `json:"excused"`
	Problems    []problem      `json:"problems"`
	Causes      []*Cause       `json:"causes"`
	Failures    []*Test        `json:"failures"`
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

// problem is what makes the run red.
type problem struct {
	Test string `json:"test"`
	What string `json:"what"` // in a few words
	Line int    `json:"line,omitempty"`
}

func newReport(s *Settings) Report {
	r := Report{Format: 1, Settings: s, Excused: make(map[string]int), Problems: []problem{}}
	for _, level := range Levels[:levelOf(s.Level)+1] {
		r.Levels = append(r.Levels, &Counts{Level: level})
	}
	return r
}

// finish completes the report, and writes the files.
func (r *run) finish(interrupted bool) error {
	r.Failures, r.Interrupted = r.failures(), interrupted
	for _, t := range r.Failures {
		t.Answer = t.failure.answer()
	}
	problems := r.compare()
	if r.Update && !interrupted {
		problems = nil
		if err := r.updateExpected(); err != nil {
			return fmt.Errorf("EXPECTED: %w", err)
		}
	}
	for _, d := range r.engine.Defects {
		if r.Level == Freedoms && r.Excused[d.Name] == 0 {
			problems = append(problems, problem{Test: d.Name, What: "this known defect has not shown: if the engine " +
				"no longer has it, remove it from lab/conformance/differential/defects.go"})
		}
	}
	if !interrupted {
		r.Problems = append(r.Problems, problems...)
	}
	r.Green = len(r.Problems) == 0 && !interrupted
	r.count()
	r.Causes = causesOf(r.Failures)
	return r.write()
}

// count counts the tests of each level.
func (r *run) count() {
	for _, t := range r.tests {
		c := r.Levels[levelOf(t.Level)]
		c.Tests++
		switch {
		case t.failure == nil:
			c.Passed++
		case t.Expected:
			c.Expected++
			fallthrough
		default:
			c.Failed++
		}
	}
}

// report is what is told of a failure. file keeps its payload.
func (f *failure) report(s *Settings, file string) verdict.Report {
	r := f.verdict.Report(grammar.Payload{Bytes: f.payload, Want: f.want}, f.got, contract.Guarantee{}, findings.None)
	r.Verdict, r.Guarantee, r.Program, r.Difference = "", contract.Guarantee{}, s.Reader, f.answer()
	if file != "" {
		r.Replay = s.reproCommand(file)
	}
	return r
}

// notInNames is what the names of files do not have.
var notInNames = regexp.MustCompile(`[^-_.+=^0-9A-Za-z]`)

// write writes the payloads of the failures, and the reports.
func (r *run) write() error {
	failures := filepath.Join(r.dir, "failures")
	if err := os.MkdirAll(failures, 0o777); err != nil {
		return err
	}
	const longestName, mostHex = 120, 4096 // in bytes
	for i, t := range r.Failures {
		payload := t.failure.payload
		name := notInNames.ReplaceAllString(t.Name, "_")
		file := filepath.Join(failures, fmt.Sprintf("%s_%d.bin", name[:min(len(name), longestName)], i))
		if err := os.WriteFile(file, payload, 0o666); err != nil {
			return err
		}
		t.File, t.Replay = gocmd.FromHere(file), r.reproCommand(file)
		if len(payload) <= mostHex {
			t.Payload = hex.EncodeToString(payload)
		}
	}
	for _, c := range r.Causes {
		t := c.smallest()
		c.Report = fmt.Sprintf("\n-- %s\n%s%s", c, t.Name, t.failure.report(r.Settings, t.File))
	}
	data, err := json.MarshalIndent(r.Report, "", " ")
	for name, text := range map[string]string{"report.txt": r.header() + r.summary() + r.details(),
		"junit.xml": r.junit(), "report.json": string(data) + "\n"} {
		err = errors.Join(err, os.WriteFile(filepath.Join(r.dir, name), []byte(text), 0o666))
	}
	return err
}

// header says what is tested.
func (r *Report) header() string {
	name := r.Options
	if name == contract.OptionsName {
		name += ", the fields that those of hcsshim " + r.HCSShim + " have"
	}
	return fmt.Sprintf(
		"reader   %s\noptions  %s\nlevel    %s; seed %d, %d draws for each property, up to %d tokens in a row\n",
		r.Reader, name, r.Level, r.Seed, r.Checks, r.Longest)
}

// summary is what fits on a screen.
func (r *run) summary() string {
	const mostCauses, mostProblems = 12, 20
	var b strings.Builder
	const format = "%13s%7v%8v%8v%10v%10v\n"
	fmt.Fprintf(&b, "\n"+format, "level", "tests", "passed", "failed", "expected", "payloads")
	var total Counts
	for _, c := range r.Levels {
		fmt.Fprintf(&b, format, c.Level, c.Tests, c.Passed, c.Failed, c.Expected, c.Payloads)
		total.Tests += c.Tests
		total.Failed += c.Failed
		total.Expected += c.Expected
		total.Payloads += c.Payloads
	}
	why := make(map[string]string)
	for _, d := range r.engine.Defects {
		why[d.Name] = ": " + d.Why
	}
	for _, name := range slices.Sorted(maps.Keys(r.Excused)) {
		fmt.Fprintf(&b, "excused: %d answers, by %s%s\n", r.Excused[name], name, why[name])
	}
	if len(r.Causes) > 0 {
		fmt.Fprintf(&b, "\n%d causes; what is before the colon is explained in docs/contract.md:\n", len(r.Causes))
	}
	some(&b, r.Causes, mostCauses, func(c *Cause) string { return fmt.Sprintf("  %4d tests  %s", len(c.Tests), c) })
	if i := slices.IndexFunc(r.Causes, (*Cause).isUnexpected); i >= 0 {
		b.WriteString(r.Causes[i].Report)
	}
	if !r.Green {
		b.WriteString("\n")
	}
	some(&b, r.Problems, mostProblems, r.problemText)
	if r.Interrupted {
		b.WriteString("\nINTERRUPTED: this is what was known by then\n")
	}
	fmt.Fprintf(&b, "\neverything: %s\n%d tests, %d failed, %d of them expected, %d causes; %d payloads\n",
		gocmd.FromHere(filepath.Join(r.dir, "report.txt")), total.Tests, total.Failed, total.Expected, len(r.Causes),
		total.Payloads)
	return b.String()
}

// details are what only the file has.
func (r *Report) details() string {
	var b strings.Builder
	for _, c := range r.Causes {
		fmt.Fprintf(&b, "%stests with this cause:\n  %s\n", c.Report, strings.Join(c.Tests, "\n  "))
	}
	b.WriteString("\nevery problem:\n")
	some(&b, r.Problems, len(r.Problems), r.problemText)
	b.WriteString("\nevery failure:\n")
	some(&b, r.Failures, len(r.Failures), func(t *Test) string { return t.Name + separator + t.Answer })
	return b.String()
}

// some writes a line for each, as far as there is room.
func some[T any](b *strings.Builder, all []T, most int, text func(T) string) {
	for _, e := range all[:min(most, len(all))] {
		b.WriteString(text(e) + "\n")
	}
	if len(all) > most {
		fmt.Fprintf(b, "… and %d more\n", len(all)-most)
	}
}

// problemText is a problem in a line.
func (r *Report) problemText(p problem) string {
	at := ""
	if p.Line > 0 {
		at = fmt.Sprintf("%s:%d: ", r.Settings.Expected, p.Line)
	}
	return at + p.Test + ": " + p.What
}

// junit is the run as JUnit XML: a test's class is its level, an expected failure is a skipped
// test, and what else makes the run red is of a class of its own.
func (r *run) junit() string {
	var b strings.Builder
	write := func(format string, texts ...string) {
		var escaped []any
		for _, text := range texts {
			var e strings.Builder
			_ = xml.EscapeText(&e, []byte(text)) // a Builder has no errors
			escaped = append(escaped, e.String())
		}
		fmt.Fprintf(&b, format, escaped...)
	}
	write(xml.Header + "<testsuite name=\"conformance\">\n")
	for _, t := range r.sorted() {
		write(`<testcase classname="%s" name="%s">`, t.Level, strings.TrimPrefix(t.Name, t.Level+"/"))
		switch {
		case t.failure == nil:
		case t.Expected:
			write(`<skipped message="expected to fail: %s"/>`, t.Answer)
		default:
			write(`<failure message="%s">%s</failure>`, t.Answer, t.failure.report(r.Settings, t.File).String())
		}
		write("</testcase>\n")
	}
	for _, p := range r.Problems {
		if t := r.tests[p.Test]; t == nil || t.failure == nil {
			write("<testcase classname=\"expected-list\" name=\"%s\"><failure message=\"%s\"/></testcase>\n", p.Test,
				r.problemText(p))
		}
	}
	write("</testsuite>\n")
	return b.String()
}
