package matrix

import (
	"bytes"
	"slices"
	"strings"

	"shimfuzz/internal/gocmd"
	"shimfuzz/lab/compat/findings"
	"shimfuzz/lab/compat/readers"
	"shimfuzz/lab/compat/recorded"
)

// table is what becomes of requested options, in Markdown, and how many senders there are.
// Those that every reader answers alike are one column, and neighbouring versions of a reader
// that answer alike are one row.
func table(all []recorded.Recording, rows []Row) (text string, senders int) {
	toShim := grouped(all, func(s recorded.Recording) string { return s.Containerd + s.Request.Shim })
	columns := grouped(toShim, func(sent []recorded.Recording) (texts string) {
		for _, r := range rows {
			texts += r.summary(sent) + "|"
		}
		return texts
	})
	text = "| what reads it |"
	for _, column := range columns {
		names := names(column)
		text += " " + strings.Join(names, ", ") + " |"
		senders += len(names)
	}
	text += "\n|---|" + strings.Repeat("---|", len(columns)) + "\n"
	var lines []line
	for _, r := range rows {
		cells := ""
		for _, column := range columns {
			cells += " " + r.summary(column[0]) + " |"
		}
		if last := len(lines) - 1; last >= 0 && lines[last].first.Name == r.Reader.Name && lines[last].cells == cells {
			lines[last].last = r.Reader
			continue
		}
		lines = append(lines, line{r.Reader, r.Reader, cells})
	}
	for _, l := range lines {
		text += "| " + l.label() + " |" + l.cells + "\n"
	}
	return text, senders
}

// line is a line of the table, which is of versions of a program from the first to the last.
type line struct {
	first, last readers.Reader
	cells       string
}

func (l line) label() string {
	if l.first == l.last {
		return l.first.ID()
	}
	return l.first.ID() + " to " + l.last.Version
}

// names are those of the senders in a column: a release, to shims of one name or of any.
func names(column [][]recorded.Recording) (all []string) {
	for _, to := range grouped(column, func(sent []recorded.Recording) string { return sent[0].Containerd }) {
		shim := "any shim"
		if len(to) == 1 {
			shim = strings.TrimPrefix(to[0][0].Request.Shim, "containerd-shim-")
		}
		all = append(all, to[0][0].Containerd+" to "+shim)
	}
	return all
}

// grouped are items with the same key, in the order of the first ones.
func grouped[T any](items []T, key func(T) string) (groups [][]T) {
	at := make(map[string]int)
	for _, item := range items {
		k := key(item)
		i, ok := at[k]
		if !ok {
			i, at[k] = len(groups), len(groups)
			groups = append(groups, nil)
		}
		groups[i] = append(groups[i], item)
	}
	return groups
}

// summary is what a row has of what was sent, in one or two words: what happens
// to the reader's own options, and what goes wrong without options (n:) and with foreign
// ones (f:).
func (r Row) summary(sent []recorded.Recording) string {
	if r.Err != nil {
		return "not run: " + gocmd.OneLine(r.Err.Error())
	}
	effects := make(map[string][]string) // by what was asked for
	for _, e := range worstFirst {
		for _, s := range sent {
			what := asked(r.Reader, s.Request.Options)
			if r.answer(s).effect() == e && !slices.Contains(effects[what], string(e)) {
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

// answer is the reader's answer to what was sent, which is a case of the corpus.
func (r Row) answer(s recorded.Recording) Answer {
	return r.Answers[slices.IndexFunc(r.Answers, func(a Answer) bool { return bytes.Equal(a.Bytes, s.Stdin) })]
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
