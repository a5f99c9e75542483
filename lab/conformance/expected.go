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
	pattern      *regexp.Regexp // of the tests that it is for
	shows        bool           // one of these fails so
	passes       string         // one of these that passes
}

const separator = " # "

// named matches the names of tests that a name is for, in which a * stands for any text.
func named(name string) *regexp.Regexp {
	return regexp.MustCompile("^" + strings.ReplaceAll(regexp.QuoteMeta(name), `\*`, ".*") + "$")
}

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
		if text = strings.TrimSpace(text); text == "" || text[0] == '#' {
			continue
		}
		name, answer, found := strings.Cut(text, separator)
		l.name, l.answer = strings.TrimSpace(name), strings.TrimSpace(answer)
		if !found || strings.ContainsAny(l.name, " \t") || levelOf(l.name) < 0 {
			return nil, fmt.Errorf("%s:%d: want name%sanswer, where the name begins with %s/", file, len(list),
				separator, strings.Join(Levels, "/, "))
		}
		l.pattern = named(l.name)
	}
	return list, nil
}

// compare marks the failures that are expected, and lists the others.
func (r *run) compare() (unexpected []string) {
	for _, t := range r.sorted() {
		t.Expected = false
		for _, l := range r.list {
			switch {
			case l.name == "" || !l.pattern.MatchString(t.Name):
			case t.failure == nil:
				l.passes = t.Name
			case l.answer == t.Answer:
				l.shows, t.Expected = true, true
			}
		}
		if t.failure != nil && !t.Expected {
			unexpected = append(unexpected, t.Name+": failed: "+t.Answer)
		}
	}
	return unexpected
}

// whyOutdated says what is no longer true of an entry, "" if it holds or is of tests that are not run.
func (r *run) whyOutdated(l *line) string {
	switch {
	case l.passes != "":
		return fmt.Sprintf("%s: %s passed: expected %s", l.name, l.passes, l.answer)
	case l.name != "" && !l.shows && r.isRun(l.name) && r.Only == "" && !r.Interrupted:
		return fmt.Sprintf("%s: no test fails so: expected %s", l.name, l.answer)
	}
	return ""
}

// updateExpected makes the list that of the failures, and writes it: without the entries that no longer
// hold, and with what these or no others are for by name at the end, by its causes. So a pattern stays one
// while all that it is for fails.
func (r *run) updateExpected() error {
	r.list = slices.DeleteFunc(r.list, func(l *line) bool { return r.whyOutdated(l) != "" })
	r.compare()
	var b strings.Builder
	for _, l := range r.list {
		b.WriteString(l.text + "\n")
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
	return os.WriteFile(r.Expected, []byte(b.String()), 0o666)
}
