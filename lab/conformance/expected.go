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

// entry is a line with the name of a test and its answer.
var entry = regexp.MustCompile(`^\s*(\S+)\s*` + separator + `\s*(\S.*?)\s*$`)

// readExpected reads a list; "" is an empty one. A file that is not there is an empty one
// if the list is to be written.
func readExpected(file string, update bool) (list []*line, err error) {
	if file == "" {
		if update {
			err = errors.New("UPDATE=1 without EXPECTED: say which file to write the expected failures to")
		}
		return nil, err
	}
	text, err := os.ReadFile(file)
	if err != nil && !(update && errors.Is(err, fs.ErrNotExist)) {
		return nil, fmt.Errorf("EXPECTED: %w", err)
	}
	for text := range strings.Lines(string(text)) {
		l := &line{text: strings.TrimRight(text, "\r\n")}
		list = append(list, l)
		if trimmed := strings.TrimSpace(text); trimmed == "" || trimmed[0] == '#' {
			continue
		}
		m := entry.FindStringSubmatch(l.text)
		if m == nil || levelOf(m[1]) < 0 {
			return nil, fmt.Errorf("%s:%d: want name%sanswer, where the name begins with %s/", file, len(list),
				separator, strings.Join(Levels, "/, "))
		}
		l.name, l.answer = m[1], m[2]
		l.pattern = regexp.MustCompile("^" + strings.ReplaceAll(regexp.QuoteMeta(l.name), `\*`, ".*") + "$")
	}
	return list, nil
}

// compare marks the failures that are expected, and lists the others, and the entries that are
// not right, but for those of levels that are not run.
func (r *run) compare() (unexpected, outdated []string) {
	for _, t := range r.Failures {
		for _, l := range r.list {
			if l.name != "" && l.answer == t.Answer && l.pattern.MatchString(t.Name) {
				l.shows, t.Expected = true, true
			}
		}
		if !t.Expected {
			unexpected = append(unexpected, t.Name+": failed: "+t.Answer)
		}
	}
	for i, l := range r.list {
		if l.name != "" && !l.shows && r.isRun(l.name) {
			outdated = append(outdated, fmt.Sprintf("%s:%d: %s: passed, or did not fail as expected: %s",
				r.Expected, i+1, l.name, l.answer))
		}
	}
	return unexpected, outdated
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
		fmt.Fprintf(&b, "# %s\n", c.Name)
		for _, t := range c.tests {
			b.WriteString(t.Name + separator + t.Answer + "\n")
			t.Expected = true
		}
	}
	file := r.Expected + ".new" // a list that people have written is replaced as a whole or not at all
	if err := os.WriteFile(file, []byte(b.String()), 0o666); err != nil {
		return errors.Join(err, os.Remove(file))
	}
	return os.Rename(file, r.Expected)
}
