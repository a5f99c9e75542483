package matrix

import (
	"cmp"
	"embed"
	"fmt"
	"html/template"
	"io"
	"maps"
	"slices"
	"strings"

	"shimfuzz/lab/compat/findings"
	"shimfuzz/lab/compat/recorded"
)

// Legend explains the words of Cell.Summary.
const Legend = `arrive: the options that were sent, field by field. error: the shim does not start, and reports why.
DEFAULTS: the options are silently dropped. PARTLY: some of their fields are.
PANIC: the shim crashes. HANG: it does not answer.
OTHER: other options than were sent. n: the effect of no options, and f: of options of another type, where it is wrong.`

// Markdown writes the matrix as a table. Senders that every reader answers alike are one
// column, and neighbouring versions of a reader that answer alike are one row.
func Markdown(w io.Writer, senders []Sender, rows []Row) {
	var columns [][]int // the senders of each column
	for i := range senders {
		alike := func(c []int) bool {
			return !slices.ContainsFunc(rows, func(r Row) bool { return r.summary(c[0]) != r.summary(i) })
		}
		if at := slices.IndexFunc(columns, alike); at >= 0 {
			columns[at] = append(columns[at], i)
		} else {
			columns = append(columns, []int{i})
		}
	}
	fmt.Fprint(w, "| what reads it |")
	for _, c := range columns {
		var names []string
		for _, i := range c {
			names = append(names, senders[i].Containerd+" to "+senders[i].To())
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

// summary is what a row has in the column of a sender.
func (r Row) summary(sender int) string {
	if r.Missing != "" {
		return "not run: " + r.Missing
	}
	return r.Cells[sender].Summary()
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

// Advice writes which containerd works with which hcsshim, as containerd is and
// without its special case for runhcs-v1, and which options no containerd sends.
func Advice(w io.Writer, senders []Sender, rows []Row) {
	for _, part := range []struct{ heading, shim string }{
		{"As it is:", recorded.SpecialShim},
		{"Without containerd's special case for shim-runhcs-v1:", recorded.OrdinaryShim},
	} {
		fmt.Fprintln(w, part.heading)
		for i, s := range senders {
			if s.Shims[0] == part.shim { // of one to any shim, the special one
				fmt.Fprintf(w, "  containerd %-9s %s\n", s.Containerd, worksWith(i, rows))
			}
		}
	}
	lost := make(map[string][]string)
	for _, s := range senders {
		for _, start := range s.Starts {
			for _, field := range start.Lost() {
				if !slices.Contains(lost[field], s.Containerd) {
					lost[field] = append(lost[field], s.Containerd)
				}
			}
		}
	}
	for _, field := range slices.Sorted(maps.Keys(lost)) {
		fmt.Fprintf(w, "Never sent, though asked for: %s, by containerd %s\n", field, strings.Join(lost[field], " "))
	}
}

// worksWith says which hcsshim the sender of a column works with.
func worksWith(sender int, rows []Row) string {
	var works, partly, breaks []string
	for _, r := range rows {
		if r.Reader.Name != findings.RunHCS || r.Missing != "" {
			continue
		}
		c, list := r.Cells[sender], &breaks
		switch own := c.worst(OwnOptions); {
		case c.worst(NoOptions) != Arrive:
		case own == Arrive:
			list = &works
		case own == Partly:
			list = &partly
		}
		*list = append(*list, r.Reader.Version)
	}
	text := "works with hcsshim " + cmp.Or(strings.Join(works, " "), "none")
	if len(partly) > 0 {
		text += "; some options are lost on " + strings.Join(partly, " ")
	}
	if len(breaks) > 0 {
		text += "; breaks " + strings.Join(breaks, " ")
	}
	return text
}

//go:embed page.html
var files embed.FS

var page = template.Must(template.ParseFS(files, "page.html"))

// HTML writes the matrix as one page that needs no other file. A click on a cell
// shows its payloads and answers.
func HTML(w io.Writer, senders []Sender, rows []Row) error {
	var advice strings.Builder
	Advice(&advice, senders, rows)
	return page.Execute(w, map[string]any{"Senders": senders, "Rows": rows, "Legend": Legend,
		"Advice": advice.String()})
}

// Class returns the class of a cell in the page, which sets its colour.
func (c Cell) Class() string {
	if e := c.worst(OwnOptions); e != Arrive {
		return e.Lower()
	}
	if c.worst(NoOptions) != Arrive || c.worst(ForeignOptions) != Arrive {
		return "partly"
	}
	return "arrive"
}
