package conformance

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// expected is a list of expected failures, as its file has it.
type expected struct {
	file  string
	lines []line
}

// line is an entry, or a comment or blank line.
type line struct {
	text         string // of a comment or blank line
	name, answer string
	number       int // in the file
}

const separator = " # "

// readExpected reads a list. A file that is not there is an empty one if the list is to
// be written.
func readExpected(file string, update bool) (*expected, error) {
	e := &expected{file: file}
	text, err := os.ReadFile(file)
	if update && errors.Is(err, fs.ErrNotExist) {
		return e, nil
	}
	if err != nil {
		return nil, fmt.Errorf("EXPECTED: %w", err)
	}
	seen := make(map[string]int)
	for text := range strings.Lines(string(text)) {
		l := line{number: len(e.lines) + 1}
		text = strings.TrimRight(text, "\r\n")
		if trimmed := strings.TrimSpace(text); trimmed == "" || strings.HasPrefix(trimmed, "#") {
			l.text = text
			e.lines = append(e.lines, l)
			continue
		}
		var found bool
		l.name, l.answer, found = strings.Cut(text, separator)
		l.name, l.answer = strings.TrimSpace(l.name), strings.TrimSpace(l.answer)
		switch {
		case !found || l.answer == "" || strings.ContainsAny(l.name, " \t") || levelOf(l.name) < 0:
			return nil, fmt.Errorf("%s:%d: want name%sanswer, where the name begins with %s", file, l.number, separator,
				strings.Join(Levels, "/, ")+"/")
		case seen[l.name] > 0:
			return nil, fmt.Errorf("%s:%d: %s is in line %d, too", file, l.number, l.name, seen[l.name])
		}
		seen[l.name] = l.number
		e.lines = append(e.lines, l)
	}
	return e, nil
}

// names are those of the entries.
func (e *expected) names() map[string]bool {
	names := make(map[string]bool)
	for _, l := range e.lines {
		if l.name != "" {
			names[l.name] = true
		}
	}
	return names
}

func (e *expected) find(name string) (line, bool) {
	for _, l := range e.lines {
		if l.name == name {
			return l, true
		}
	}
	return line{}, false
}

// problem is what a list says and the run does not.
type problem struct {
	Test string `json:"test"`
	What string `json:"what"` // in a few words
	Line int    `json:"line,omitempty"`
}

// compare lists what makes the run red: failures that are not expected, and entries that
// are not right. Those of levels that are not run are not looked at.
func (e *expected) compare(r *run) (problems []problem) {
	for _, t := range r.failures() {
		answer := answerText(t.failure.want, t.failure.got)
		l, ok := e.find(t.name)
		switch {
		case !ok:
			problems = append(problems, problem{t.name, "failed: " + answer, 0})
		case l.answer != answer:
			problems = append(problems, problem{t.name, "fails in another way than expected: " + answer + ", not " +
				l.answer, l.number})
		}
	}
	for _, l := range e.lines {
		t := r.tests[l.name]
		switch {
		case l.name == "" || !r.isRun(Levels[levelOf(l.name)]):
		case t == nil:
			problems = append(problems, problem{l.name, "is expected to fail, but there is no such test", l.number})
		case t.failure == nil:
			problems = append(problems, problem{l.name, "passed, but is expected to fail", l.number})
		}
	}
	return problems
}

// update makes the list that of the failures of a run. Comments and blank lines stay
// where they are, and so do entries of levels that were not run.
func (e *expected) update(r *run) {
	e.lines = slices.DeleteFunc(e.lines, func(l line) bool {
		return l.name != "" && r.isRun(Levels[levelOf(l.name)]) && (r.tests[l.name] == nil ||
			r.tests[l.name].failure == nil)
	})
	for _, t := range r.failures() {
		answer := answerText(t.failure.want, t.failure.got)
		if i := slices.IndexFunc(e.lines, func(l line) bool { return l.name == t.name }); i >= 0 {
			e.lines[i].answer = answer
			continue
		}
		e.insert(r, t, line{name: t.name, answer: answer})
	}
}

// insert puts a new entry among those of the same cause, in the order of the names, or
// below the comment that names the cause.
func (e *expected) insert(r *run, t *test, entry line) {
	comment := "# " + t.failure.cause.String()
	at := -1
	for i, l := range e.lines {
		other := r.tests[l.name]
		isSame := other != nil && other.failure != nil && other.failure.cause == t.failure.cause
		switch {
		case l.text == comment, isSame && compareNames(l.name, t.name) < 0:
			at = i + 1
		case isSame && at < 0:
			at = i
		}
	}
	if at >= 0 {
		e.lines = slices.Insert(e.lines, at, entry)
		return
	}
	if last := len(e.lines) - 1; last >= 0 && (e.lines[last].text != "" || e.lines[last].name != "") {
		e.lines = append(e.lines, line{})
	}
	e.lines = append(e.lines, line{text: comment}, entry)
}

// write writes the list, whole or not at all.
func (e *expected) write() error {
	var b strings.Builder
	for _, l := range e.lines {
		if l.name != "" {
			l.text = l.name + separator + l.answer
		}
		b.WriteString(l.text + "\n")
	}
	return writeWhole(e.file, []byte(b.String()))
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
