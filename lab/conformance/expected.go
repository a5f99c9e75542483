package conformance

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"regexp"
	"slices"
	"strings"
)

// line is one of a list of expected failures: an entry, or a comment or blank line.
type line struct {
	text         string
	name, answer string         // of an entry
	pattern      *regexp.Regexp // that the name, in which a * stands for any text, is
	shows        bool           // a test fails so
}

const separator = " # "

// readExpected reads a list; "" is an empty one. A file that is not there is an empty one
// if the list is to be written.
func readExpected(file string, update bool) (list []*line, err error) {
	if file == "" {
		return nil, nil
	}
	text, err := os.ReadFile(file)
	if err != nil && !(update && errors.Is(err, fs.ErrNotExist)) {
		return nil, fmt.Errorf("EXPECTED: %w", err)
	}
	numbers := make(map[string]int) // of the lines, by the names in them
	for text := range strings.Lines(string(text)) {
		l, err := parseLine(strings.TrimRight(text, "\r\n"))
		if err == nil && numbers[l.name] > 0 {
			err = fmt.Errorf("%s is in line %d, too", l.name, numbers[l.name])
		}
		list = append(list, l)
		if err != nil {
			return nil, fmt.Errorf("%s:%d: %w", file, len(list), err)
		}
		if l.name != "" {
			numbers[l.name] = len(list)
		}
	}
	return list, nil
}

func parseLine(text string) (*line, error) {
	l := &line{text: text}
	text = strings.TrimSpace(text)
	if text == "" || strings.HasPrefix(text, "#") {
		return l, nil
	}
	l.name, l.answer, _ = strings.Cut(text, separator)
	l.name, l.answer = strings.TrimSpace(l.name), strings.TrimSpace(l.answer)
	l.pattern = regexp.MustCompile("^" + strings.ReplaceAll(regexp.QuoteMeta(l.name), `\*`, ".*") + "$")
	if l.answer == "" || strings.ContainsAny(l.name, " \t") || levelOf(l.name) < 0 {
		return l, fmt.Errorf("want name%sanswer, where the name begins with %s/", separator, strings.Join(Levels, "/, "))
	}
	return l, nil
}

// compare lists what makes the run red: failures that are not expected, and entries that
// are not right. Those of levels that are not run are not looked at.
func (r *run) compare() (problems []problem) {
	for _, t := range r.Failures {
		p := problem{Test: t.Name, What: "failed: " + t.Answer}
		for i, l := range r.list {
			switch {
			case l.name == "" || !l.pattern.MatchString(t.Name):
			case l.answer == t.Answer:
				l.shows, t.Expected = true, true
			default:
				p.What = "fails in another way than expected: " + t.Answer + ", not " + l.answer
				p.Line = i + 1
			}
		}
		if !t.Expected {
			problems = append(problems, p)
		}
	}
	for i, l := range r.list {
		t := r.tests[l.name]
		switch {
		case l.name == "" || l.shows || !r.isRun(l.name):
		case t == nil:
			problems = append(problems, problem{l.name, "is expected to fail, but no such test fails so", i + 1})
		case t.failure == nil:
			problems = append(problems, problem{l.name, "passed, but is expected to fail", i + 1})
		}
	}
	return problems
}

// updateExpected makes the list that of the failures, and writes it. What is new comes last,
// by its causes. Comments and blank lines stay where they are, and so do entries of levels
// that were not run.
func (r *run) updateExpected() error {
	var b strings.Builder
	for _, l := range r.list {
		if l.name == "" || l.shows || !r.isRun(l.name) {
			b.WriteString(l.text + "\n")
		}
	}
	added := slices.DeleteFunc(slices.Clone(r.Failures), func(t *Test) bool { return t.Expected })
	for _, c := range causesOf(added) {
		if b.Len() > 0 {
			b.WriteString("\n")
		}
		fmt.Fprintf(&b, "# %s\n", c)
		for _, t := range c.tests {
			b.WriteString(t.Name + separator + t.Answer + "\n")
			t.Expected = true
		}
	}
	return os.WriteFile(r.Settings.Expected, []byte(b.String()), 0o666)
}
