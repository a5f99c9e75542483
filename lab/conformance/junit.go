package conformance

import (
	"encoding/xml"
	"strings"
)

// The elements of JUnit XML.
type (
	junitSuites struct {
		XMLName xml.Name      `xml:"testsuites"`
		Name    string        `xml:"name,attr"`
		Suites  []*junitSuite `xml:"testsuite"`
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

// junit is the run as JUnit XML: a suite for each level, an expected failure as a skipped
// test, and what else makes the run red as a suite of its own.
func (r *Report) junit() junitSuites {
	all := junitSuites{Name: "conformance"}
	add := func(suite, name string, failure, skipped *junitReason) {
		if last := len(all.Suites) - 1; last < 0 || all.Suites[last].Name != suite {
			all.Suites = append(all.Suites, &junitSuite{Name: suite})
		}
		s := all.Suites[len(all.Suites)-1]
		s.Tests++
		if failure != nil {
			s.Failures++
		}
		if skipped != nil {
			s.Skipped++
		}
		s.Cases = append(s.Cases, junitCase{suite, name, failure, skipped})
	}
	for _, t := range r.run.sorted() {
		var failure, skipped *junitReason
		switch {
		case t.failure == nil:
		case t.Expected:
			skipped = &junitReason{Message: "expected to fail: " + t.Answer}
		default:
			failure = &junitReason{t.Answer, t.failure.report(r.settings).String()}
		}
		add(t.Level, strings.TrimPrefix(t.Name, t.Level+"/"), failure, skipped)
	}
	for _, p := range r.Problems {
		if t := r.run.tests[p.Test]; t == nil || t.failure == nil {
			add("expected-list", p.Test, &junitReason{Message: r.problemText(p)}, nil)
		}
	}
	return all
}
