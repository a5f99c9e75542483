package conformance

import (
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
	"shimfuzz/internal/grammar"
	"shimfuzz/internal/verdict"
)

// Report is report.json. docs/conformance.md describes it.
type Report struct {
	Format int `json:"format"`
	*Settings
	Interrupted bool           `json:"interrupted"`
	Green       bool           `json:"green"`
	Levels      []*Counts      `json:"levels"`
	Excused     map[string]int `json:"excused"`
	Problems    []string       `json:"problems"` // what makes the run red
	Causes      []*Cause       `json:"causes"`
	Failures    []*Test        `json:"failures"`
}

// Counts are those of the tests of a level.
type Counts struct {
	Level    string `json:"level"`
	Tests    int    `json:"tests"`
	Failed   int    `json:"failed"`
	Expected int    `json:"expected"` // of the failed ones
	Payloads int    `json:"payloads"`
}

// Test is a test and what has become of it.
type Test struct {
	Name     string `json:"test"`
	Answer   string `json:"answer"`
	Expected bool   `json:"expected"`
	Payloads int    `json:"payloads"` // with a wrong answer
	File     string `json:"file"`     // with one of them
	Replay   string `json:"replay"`

	failure *failure // nil if it passes
}

// finish completes the report, and writes the files.
func (r *run) finish() error {
	r.Failures = append(r.Failures, r.failures()...)
	for _, t := range r.Failures {
		t.Answer = t.failure.answer()
	}
	unexpected := r.compare()
	if r.Update && !r.Interrupted {
		if err := r.updateExpected(); err != nil {
			return fmt.Errorf("EXPECTED: %w", err)
		}
		unexpected = nil
	}
	for i, l := range r.list {
		if why := r.whyOutdated(l); why != "" {
			r.outdated = append(r.outdated, fmt.Sprintf("%s:%d: %s", r.Expected, i+1, why))
		}
	}
	for _, d := range r.engine.Defects {
		if r.Level == Freedoms && r.Excused[d.Name] == 0 && !r.Interrupted {
			r.outdated = append(r.outdated, d.Name+": this known defect has not shown: if the engine no longer has "+
				"it, remove it from lab/bugs/engines.go")
		}
	}
	if r.Interrupted {
		r.Problems = append(r.Problems, "INTERRUPTED: this is what was known by then")
	}
	r.Problems = append(append(r.Problems, unexpected...), r.outdated...)
	r.Green = len(r.Problems) == 0
	for _, t := range r.tests {
		c := r.Levels[levelOf(t.Name)]
		c.Tests++
		if t.failure != nil {
			c.Failed++
		}
		if t.Expected {
			c.Expected++
		}
	}
	r.Causes = append(r.Causes, causesOf(r.Failures)...)
	return r.write()
}

// report is what is told of an answer. file keeps its payload.
func (f *failure) report(s *Settings, file string) verdict.Report {
	r := f.verdict.Report(grammar.Payload{Bytes: f.payload, Want: f.want}, f.got, contract.Guarantee{}, findings.None)
	r.Guarantee, r.Program, r.Difference = contract.Guarantee{}, s.Reader, ""
	if f.verdict.Kind != verdict.Right {
		r.Difference = f.answer()
	}
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
	const longestName = 120 // bytes
	for i, t := range r.Failures {
		name := notInNames.ReplaceAllString(t.Name, "_")
		file := filepath.Join(failures, fmt.Sprintf("%s_%d.bin", name[:min(len(name), longestName)], i))
		if err := os.WriteFile(file, t.failure.payload, 0o666); err != nil {
			return err
		}
		t.File, t.Replay = file, r.reproCommand(file)
	}
	for _, c := range r.Causes {
		t := slices.MinFunc(c.tests, bySize)
		c.Report = fmt.Sprintf("\n-- %s\n%s%s", c.Name, t.Name, t.failure.report(r.Settings, t.File))
	}
	junit, errXML := r.junit()
	data, errJSON := json.MarshalIndent(r.Report, "", " ")
	err := errors.Join(errXML, errJSON)
	for name, text := range map[string][]byte{"report.txt": []byte(r.header() + r.summary() + r.details()),
		"junit.xml": junit, "report.json": data} {
		err = errors.Join(err, os.WriteFile(filepath.Join(r.dir, name), append(text, '\n'), 0o666))
	}
	return err
}

// header says what is tested.
func (r *Report) header() string {
	return fmt.Sprintf("reader   %s\noptions  %s; hcsshim %s\n"+
		"level    %s; seed %d, %d draws for each property, up to %d tokens in a row\n",
		r.Reader, r.Options, r.HCSShim, r.Level, r.Seed, r.Checks, r.Longest)
}

// summary is what fits on a screen.
func (r *run) summary() string {
	var b strings.Builder
	const format = "%13s%7v%8v%8v%10v%10v\n"
	fmt.Fprintf(&b, "\n"+format, "level", "tests", "passed", "failed", "expected", "payloads")
	expected, payloads := 0, 0
	for _, c := range r.Levels {
		fmt.Fprintf(&b, format, c.Level, c.Tests, c.Tests-c.Failed, c.Failed, c.Expected, c.Payloads)
		expected += c.Expected
		payloads += c.Payloads
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
	var causes []string
	for _, c := range r.Causes {
		causes = append(causes, fmt.Sprintf("  %4d tests  %s", len(c.Tests), c.Name))
	}
	b.WriteString(some(causes, 12))
	isUnexpected := func(t *Test) bool { return !t.Expected }
	for _, c := range r.Causes {
		if slices.ContainsFunc(c.tests, isUnexpected) {
			b.WriteString(c.Report)
			break
		}
	}
	if !r.Green {
		b.WriteString("\n")
	}
	b.WriteString(some(r.Problems, 20))
	if r.Only != "" {
		fmt.Fprintf(&b, "\nA PART: only the tests that TEST=%s names were run\n", r.Only)
	}
	fmt.Fprintf(&b, "\neverything: %s\n%d tests, %d failed, %d of them expected, %d causes; %d payloads\n",
		filepath.Join(r.dir, "report.txt"), len(r.tests), len(r.Failures), expected, len(r.Causes), payloads)
	return b.String()
}

// details are what only the file has.
func (r *Report) details() string {
	var b strings.Builder
	for _, c := range r.Causes {
		fmt.Fprintf(&b, "%stests with this cause:\n", c.Report)
		for _, t := range c.tests {
			b.WriteString(t.Name + separator + t.Answer + "\n")
		}
	}
	fmt.Fprintf(&b, "\nevery problem:\n%s\n", strings.Join(r.Problems, "\n"))
	return b.String()
}

// some are the first lines, as many as there is room for.
func some(lines []string, most int) string {
	if more := len(lines) - most; more > 0 {
		lines = append(slices.Clone(lines[:most]), fmt.Sprintf("… and %d more", more))
	}
	return strings.Join(append(lines, ""), "\n")
}

// junitCase is a test as JUnit XML.
type junitCase struct {
	XMLName xml.Name `xml:"testcase"`
	Class   string   `xml:"classname,attr"`
	Name    string   `xml:"name,attr"`
	Skipped string   `xml:"skipped,omitempty"`
	Failure string   `xml:"failure,omitempty"`
}

// junit is the run as JUnit XML: a test's class is its level, an expected failure is a skipped
// test, and what else makes the run red is of a class of its own.
func (r *run) junit() ([]byte, error) {
	var suite struct {
		XMLName xml.Name `xml:"testsuite"`
		Cases   []junitCase
	}
	for _, t := range r.sorted() {
		var c junitCase
		c.Class, c.Name, _ = strings.Cut(t.Name, "/")
		if t.Expected {
			c.Skipped = "expected to fail: " + t.Answer
		} else if t.failure != nil {
			c.Failure = t.failure.report(r.Settings, t.File).String()
		}
		suite.Cases = append(suite.Cases, c)
	}
	for _, o := range r.outdated {
		suite.Cases = append(suite.Cases, junitCase{Class: "expected-list", Name: o, Failure: o})
	}
	return xml.MarshalIndent(suite, "", " ")
}
