package matrix

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"shimfuzz/corpus/table"
	"shimfuzz/lab/compat/findings"
)

// Legend explains the words of Cell.Summary.
const Legend = `arrive: the options that were sent, field by field. error: the shim does not start, and reports why.
DEFAULTS: the options are silently dropped. PARTLY: some of their fields are.
PANIC: the shim crashes. HANG: it does not answer.
OTHER: other options than were sent. n: the effect of no options, and f: of options of another type, where it is wrong.`

// Text writes the matrix for a terminal.
func Text(w io.Writer, senders []Sender, rows []Row) {
	width, column := 0, 0
	for _, r := range rows {
		width = max(width, len(r.Reader.ID()))
		for _, c := range r.Cells {
			column = max(column, len(c.Summary()))
		}
	}
	first, second := "", ""
	for _, s := range senders {
		a, b := s.Label()
		first += fmt.Sprintf(" %-*s", column, a)
		second += fmt.Sprintf(" %-*s", column, b)
	}
	fmt.Fprintf(w, "%-*s%s\n%-*s%s\n", width, "sent by containerd", strings.TrimRight(first, " "), width, "to",
		strings.TrimRight(second, " "))
	for _, r := range rows {
		line := fmt.Sprintf("%-*s", width, r.Reader.ID())
		if r.Missing != "" {
			line += " NOT RUN: " + r.Missing
		}
		for _, c := range r.Cells {
			line += fmt.Sprintf(" %-*s", column, c.Summary())
		}
		fmt.Fprintln(w, strings.TrimRight(line, " "))
	}
	fmt.Fprintf(w, "\n%s\n", Legend)
}

// Markdown writes the matrix as a table.
func Markdown(w io.Writer, senders []Sender, rows []Row) {
	fmt.Fprint(w, "| what reads it |")
	for _, s := range senders {
		a, b := s.Label()
		fmt.Fprintf(w, " %s to %s |", a, b)
	}
	fmt.Fprintf(w, "\n|---|%s\n", strings.Repeat("---|", len(senders)))
	for _, r := range rows {
		fmt.Fprintf(w, "| %s |", r.Reader.ID())
		if r.Missing != "" {
			fmt.Fprintf(w, " not run: %s |", r.Missing)
		}
		for _, c := range r.Cells {
			fmt.Fprintf(w, " %s |", c.Summary())
		}
		fmt.Fprintln(w)
	}
}

// Advice writes which containerd works with which hcsshim, as containerd is and
// without its special case for runhcs-v1, and which options no containerd sends.
func Advice(w io.Writer, senders []Sender, rows []Row) {
	write := func(heading, shim string) {
		fmt.Fprintln(w, heading)
		for i, s := range senders {
			onlyOne := len(s.Shims) == 1
			if onlyOne && s.Shims[0] != shim || !onlyOne && shim != table.SpecialShim {
				continue
			}
			var works, partly, breaks []string
			for _, r := range rows {
				if r.Reader.Name != findings.RunHCS || r.Missing != "" {
					continue
				}
				switch {
				case r.Cells[i].Works():
					works = append(works, r.Reader.Version)
				case r.Cells[i].WorksPartly():
					partly = append(partly, r.Reader.Version)
				default:
					breaks = append(breaks, r.Reader.Version)
				}
			}
			line := fmt.Sprintf("  containerd %-9s works with hcsshim %s", s.Containerd, orNone(works))
			if len(partly) > 0 {
				line += "; some options are lost on " + strings.Join(partly, " ")
			}
			if len(breaks) > 0 {
				line += "; breaks " + strings.Join(breaks, " ")
			}
			fmt.Fprintln(w, line)
		}
	}
	write("As it is:", table.SpecialShim)
	write("Without containerd's special case for shim-runhcs-v1:", table.OrdinaryShim)
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

func orNone(list []string) string {
	if len(list) == 0 {
		return "none"
	}
	return strings.Join(list, " ")
}
