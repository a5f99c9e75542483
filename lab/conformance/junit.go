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
	suite := func(name string) *junitSuite {
		if last := len(all.Suites) - 1; last < 0 || all.Suites[last].Name != name {
			all.Suites = append(all.Suites, &junitSuite{Name: name})
		}
		s := all.Suites[len(all.Suites)-1]
		s.Tests++
		return s
	}
	for _, t := range r.run.sorted() {
		s := suite(t.Level)
		c := junitCase{Class: t.Level, Name: strings.TrimPrefix(t.Name, t.Level+"/")}
		switch {
		case t.failure == nil:
		case t.Expected:
			s.Skipped++
			c.Skipped = &junitReason{Message: "expected to fail: " + t.Answer}
		default:
			s.Failures++
			c.Failure = &junitReason{t.Answer, t.failure.report(r.run.Settings).String()}
		}
		s.Cases = append(s.Cases, c)
	}
	for _, p := range r.Problems {
		if t := r.run.tests[p.Test]; t == nil || t.failure == nil {
			s := suite("expected-list")
			s.Failures++
			s.Cases = append(s.Cases, junitCase{s.Name, p.Test, &junitReason{Message: r.problemText(p)}, nil})
		}
	}
	return all
}
