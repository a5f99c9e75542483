package conformance

import (
	"encoding/hex"
	"encoding/json"
	"encoding/xml"
	"maps"
	"slices"
	"strings"
	"unicode"
)

// The elements of JUnit XML.
type (
	junitSuites struct {
		XMLName xml.Name     `xml:"testsuites"`
		Name    string       `xml:"name,attr"`
		Suites  []junitSuite `xml:"testsuite"`
	}
	junitSuite struct {
		Name     string      `xml:"name,attr"`
		Tests    int         `xml:"tests,attr"`
		Failures int         `xml:"failures,attr"`
		Skipped  int         `xml:"skipped,attr"`
		Cases    []junitCase `xml:"testcase"`
	}
	junitCase struct {
		Class   string       `xml:"classname,attr"`
		Name    string       `xml:"name,attr"`
		Failure *junitReason `xml:"failure"`
		Skipped *junitReason `xml:"skipped"`
	}
	junitReason struct {
		Message string `xml:"message,attr"`
		Text    string `xml:",chardata"`
	}
)

// expectedList is the suite of what the list of expected failures says and the run does not.
const expectedList = "expected-list"

// junit is the run as JUnit XML: a suite for each level, an expected failure as a skipped
// test, and what is wrong with the list as a suite of its own.
func (r *report) junit() ([]byte, error) {
	suites := junitSuites{Name: "conformance"}
	byLevel := make(map[string]*junitSuite)
	names := slices.SortedFunc(maps.Keys(r.run.tests), compareNames)
	for _, name := range names {
		t := r.run.tests[name]
		s := byLevel[t.level]
		if s == nil {
			s = &junitSuite{Name: t.level}
			byLevel[t.level] = s
		}
		c := junitCase{Class: t.level, Name: legal(strings.TrimPrefix(name, t.level+"/"))}
		switch {
		case t.failure == nil:
		case r.isExpected(t):
			s.Skipped++
			c.Skipped = &junitReason{Message: legal("expected to fail: " + answerText(t.failure.want, t.failure.got))}
		default:
			s.Failures++
			c.Failure = &junitReason{legal(answerText(t.failure.want, t.failure.got)),
				legal(t.failure.report(r.settings).String())}
		}
		s.Tests++
		s.Cases = append(s.Cases, c)
	}
	list := junitSuite{Name: expectedList}
	for _, p := range r.problems {
		if t := r.run.tests[p.Test]; t == nil || t.failure == nil {
			list.Cases = append(list.Cases, junitCase{Class: expectedList, Name: legal(p.Test),
				Failure: &junitReason{Message: legal(r.text(p))}})
		}
	}
	list.Tests, list.Failures = len(list.Cases), len(list.Cases)
	for _, level := range Levels {
		if s := byLevel[level]; s != nil {
			suites.Suites = append(suites.Suites, *s)
		}
	}
	if list.Tests > 0 {
		suites.Suites = append(suites.Suites, list)
	}
	text, err := xml.MarshalIndent(suites, "", " ")
	return append([]byte(xml.Header), append(text, '\n')...), err
}

// legal is a text without the characters that XML cannot have.
func legal(s string) string {
	return strings.Map(func(c rune) rune {
		if c != '\n' && c != '\t' && !unicode.IsPrint(c) {
			return '\ufffd'
		}
		return c
	}, s)
}

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
	Levels      []counts       `json:"levels"`
	Excused     map[string]int `json:"excused"`
	Problems    []problem      `json:"problems"`
	Causes      []jsonCause    `json:"causes"`
	Failures    []jsonFailure  `json:"failures"`
}

type jsonCause struct {
	Features []string `json:"features"`
	Answer   string   `json:"answer"`
	Tests    []string `json:"tests"`
	Report   string   `json:"report"`
}

type jsonFailure struct {
	Test     string `json:"test"`
	Level    string `json:"level"`
	Answer   string `json:"answer"`
	Expected bool   `json:"expected"`
	Cause    int    `json:"cause"` // index in causes
	Payloads int    `json:"payloads"`
	Payload  string `json:"payload"` // hexadecimal, up to a size
	File     string `json:"file"`
	Replay   string `json:"replay"`
}

// reportFormat is the version of report.json.
const reportFormat = 1

func (r *report) json() ([]byte, error) {
	c := r.settings.Conformance
	out := Report{Format: reportFormat, Reader: c.Reader, Options: r.run.subject.name(), HCSShim: c.HCSShim,
		Level: c.Level, Seed: c.Seed, Checks: c.Checks, Longest: c.Longest,
		Interrupted: r.interrupted, Green: r.green(),
		Levels: r.levels(), Excused: r.run.excused, Problems: r.problems, Causes: []jsonCause{},
		Failures: []jsonFailure{}}
	if out.Problems == nil {
		out.Problems = []problem{}
	}
	for _, c := range r.causes {
		j := jsonCause{Features: c.features, Answer: c.answer, Report: c.report(r.settings)}
		for _, t := range c.tests {
			j.Tests = append(j.Tests, t.name)
		}
		out.Causes = append(out.Causes, j)
	}
	const mostHex = 4096 // bytes
	for _, t := range r.run.failures() {
		f := t.failure
		j := jsonFailure{Test: t.name, Level: t.level, Answer: answerText(f.want, f.got), Expected: r.isExpected(t),
			Cause:    slices.Index(r.causes, f.cause),
			Payloads: t.wrong, File: fromRoot(f.file), Replay: r.settings.ReproCommand(f.file)}
		if len(f.payload) <= mostHex {
			j.Payload = hex.EncodeToString(f.payload)
		}
		out.Failures = append(out.Failures, j)
	}
	text, err := json.MarshalIndent(out, "", " ")
	return append(text, '\n'), err
}
