package matrix

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"shimfuzz/internal/gocmd"
	"shimfuzz/lab/compat/findings"
	"shimfuzz/lab/compat/readers"
	"shimfuzz/lab/compat/recorded"
)

// Legend explains the words of the table.
const Legend = `arrive: the options that were sent, field by field. error: the shim does not start, and reports why.
DEFAULTS: the options are silently dropped. PARTLY: some of their fields are.
PANIC: the shim crashes. HANG: it does not answer.
OTHER: other options than were sent. n: the effect of no options, and f: of options of another type, where it is wrong.`

// Markdown writes the matrix as a table. Senders that every reader answers alike are one
// column, and neighbouring versions of a reader that answer alike are one row.
func Markdown(w io.Writer, senders []Sender, rows []Row) {
	var columns [][]Sender
	for _, s := range senders {
		alike := func(c []Sender) bool {
			return !slices.ContainsFunc(rows, func(r Row) bool { return r.summary(c[0]) != r.summary(s) })
		}
		if at := slices.IndexFunc(columns, alike); at >= 0 {
			columns[at] = append(columns[at], s)
		} else {
			columns = append(columns, []Sender{s})
		}
	}
	fmt.Fprint(w, "| what reads it |")
	for _, c := range columns {
		var names []string
		for _, s := range c {
			names = append(names, s.String())
		}
		fmt.Fprintf(w, " %s |", strings.Join(names, ", "))
	}
	fmt.Fprintf(w, "\n|---|%s\n", strings.Repeat("---|", len(columns)))
	var spans []span
	for _, r := range rows {
		text := ""
		for _, c := range columns {
			text += " " + r.summary(c[0]) + " |"
		}
		spans = extend(spans, r.Reader.Name, r.Reader.Version, text)
	}
	for _, s := range spans {
		fmt.Fprintf(w, "| %s |%s\n", s.label(), s.text)
	}
}

// summary is what a row has in the column of a sender, in one or two words: what happens
// to the reader's own options, and what goes wrong without options (n:) and with foreign
// ones (f:).
func (r Row) summary(s Sender) string {
	if r.Err != nil {
		return "not run: " + gocmd.OneLine(r.Err.Error())
	}
	effects := make(map[string][]string) // by what was asked for
	for _, e := range worstFirst {
		for _, a := range r.Answers {
			if a.Effect != e || !s.sends(a.Start) {
				continue
			}
			if what := asked(r.Reader, a.Requested); !slices.Contains(effects[what], string(e)) {
				effects[what] = append(effects[what], string(e))
			}
		}
	}
	text := strings.Join(effects[""], "/")
	for _, what := range []string{"n:", "f:"} {
		if e := effects[what]; len(e) > 0 && e[0] != string(Arrive) {
			text += " " + what + strings.ToLower(e[0])
		}
	}
	return text
}

// asked is how a reader sees a request: "" for options that it reads, "n:" for none, "f:"
// for those of another type.
func asked(r readers.Reader, requested string) string {
	switch recorded.Requested(requested).Type {
	case "":
		return "n:"
	case findings.OptionsType(r.Name):
		return ""
	}
	return "f:"
}

// span is the versions of a program, from the first to the last, of which the same is said.
type span struct{ name, first, last, text string }

func (s span) label() string {
	label := s.name + " " + s.first
	if s.first != s.last {
		label += " to " + s.last
	}
	return strings.TrimSpace(label)
}

// extend adds a version to a list: to the last span, if the same is said of that.
func extend(list []span, name, version, text string) []span {
	if last := len(list) - 1; last >= 0 && list[last].name == name && list[last].text == text {
		list[last].last = version
		return list
	}
	return append(list, span{name, version, version, text})
}
