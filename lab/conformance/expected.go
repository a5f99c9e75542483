package conformance

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// expected is a list of expected failures, as its file has it.
type expected struct {
	file    string
	lines   []line
	numbers map[string]int // of the lines, by the names in them
}

// line is an entry, or a comment or blank line.
type line struct {
	text         string // of a comment or blank line
	name, answer string
	pattern      *regexp.Regexp // that the name, in which a * stands for any text, is
	number       int            // in the file
	shows        bool           // a test fails so
}

const separator = " # "

// readExpected reads a list; "" is an empty one. A file that is not there is an empty one
// if the list is to be written.
func readExpected(file string, update bool) (*expected, error) {
	e := &expected{file: file, numbers: make(map[string]int)}
	if file == "" {
		return e, nil
	}
	text, err := os.ReadFile(file)
	if err != nil && !(update && errors.Is(err, fs.ErrNotExist)) {
		return nil, fmt.Errorf("EXPECTED: %w", err)
	}
	for text := range strings.Lines(string(text)) {
		if err := e.add(strings.TrimRight(text, "\r\n")); err != nil {
			return nil, fmt.Errorf("%s:%d: %w", file, len(e.lines)+1, err)
		}
	}
	return e, nil
}

// add adds a line of the file.
func (e *expected) add(text string) error {
	l := line{number: len(e.lines) + 1, text: text}
	if trimmed := strings.TrimSpace(text); trimmed != "" && !strings.HasPrefix(trimmed, "#") {
		name, answer, _ := strings.Cut(trimmed, separator)
		l.text, l.name, l.answer = "", strings.TrimSpace(name), strings.TrimSpace(answer)
		l.pattern = regexp.MustCompile("^" + strings.ReplaceAll(regexp.QuoteMeta(l.name), `\*`, ".*") + "$")
		switch {
		case l.answer == "" || strings.ContainsAny(l.name, " \t") || levelOf(l.name) < 0:
			return fmt.Errorf("want name%sanswer, where the name begins with %s/", separator,
				strings.Join(Levels, "/, "))
		case e.numbers[l.name] > 0:
			return fmt.Errorf("%s is in line %d, too", l.name, e.numbers[l.name])
		}
		e.numbers[l.name] = l.number
	}
	e.lines = append(e.lines, l)
	return nil
}

// problem is what a list says and the run does not.
type problem struct {
	Test string `json:"test"`
	What string `json:"what"` // in a few words
	Line int    `json:"line,omitempty"`
}

// compare lists what makes the run red: failures that are not expected, and entries that
// are not right. Those of levels that are not run are not looked at.
func (e *expected) compare(r *run, failures []*Test) (problems []problem) {
	for _, t := range failures {
		p := problem{Test: t.Name, What: "failed: " + t.Answer}
		for i := range e.lines {
			switch l := &e.lines[i]; {
			case l.name == "" || !l.pattern.MatchString(t.Name):
			case l.answer == t.Answer:
				l.shows, t.Expected = true, true
			default:
				p.What = "fails in another way than expected: " + t.Answer + ", not " + l.answer
				p.Line = l.number
			}
		}
		if !t.Expected {
			problems = append(problems, p)
		}
	}
	for _, l := range e.lines {
		t := r.tests[l.name]
		switch {
		case l.name == "" || l.shows || !r.isRun(l.name):
		case strings.Contains(l.name, "*"):
			problems = append(problems, problem{l.name, "is expected to fail, but no such test fails so", l.number})
		case t == nil:
			problems = append(problems, problem{l.name, "is expected to fail, but there is no such test", l.number})
		case t.failure == nil:
			problems = append(problems, problem{l.name, "passed, but is expected to fail", l.number})
		}
	}
	return problems
}

// update makes the list, which has been compared, that of the failures of a run, and
// writes it. Comments and blank lines stay where they are, and so do entries of levels
// that were not run.
func (e *expected) update(r *run, failures []*Test) error {
	e.lines = slices.DeleteFunc(e.lines, func(l line) bool {
		return l.name != "" && !l.shows && r.isRun(l.name)
	})
	for _, t := range failures {
		if !t.Expected {
			e.insert(t)
		}
	}
	var b strings.Builder
	for _, l := range e.lines {
		if l.name != "" {
			l.text = l.name + separator + l.answer
		}
		b.WriteString(l.text + "\n")
	}
	return writeWhole(e.file, []byte(b.String()))
}

// insert puts a new entry below the comment that names its cause, in the order of the names.
func (e *expected) insert(t *Test) {
	comment := "# " + t.failure.cause()
	at := slices.IndexFunc(e.lines, func(l line) bool { return l.text == comment }) + 1
	if at == 0 {
		if last := len(e.lines) - 1; last >= 0 && e.lines[last].text+e.lines[last].name != "" {
			e.lines = append(e.lines, line{})
		}
		e.lines = append(e.lines, line{text: comment})
		at = len(e.lines)
	}
	for at < len(e.lines) && e.lines[at].name != "" && compareNames(e.lines[at].name, t.Name) < 0 {
		at++
	}
	e.lines = slices.Insert(e.lines, at, line{name: t.Name, answer: t.Answer})
}

// writeWhole writes a file, whole or not at all.
func writeWhole(name string, text []byte) error {
	tmp, err := os.CreateTemp(filepath.Dir(name), ".tmp-*")
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name())
	_, err = tmp.Write(text)
	if err := errors.Join(err, tmp.Chmod(0o644), tmp.Close()); err != nil {
		return err
	}
	return os.Rename(tmp.Name(), name)
}
