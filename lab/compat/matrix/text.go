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

// startsTable is what becomes of requested options, in Markdown, and how many senders there
// are. Those that every reader answers alike are one column, and neighbouring versions of a
// reader that answer alike are one row.
func startsTable(all []recorded.Passage, rows []Row) (table string, senders int) {
	requested := slices.DeleteFunc(slices.Clone(all), func(p recorded.Passage) bool { return p.Setting != "" })
	toShim := recorded.Grouped(requested, func(p recorded.Passage) string { return release(p) + p.Shim })
	columns := recorded.Grouped(toShim, func(sent []recorded.Passage) (texts string) {
		for _, r := range rows {
			texts += r.summary(sent) + "|"
		}
		return texts
	})
	table = "| what reads it |"
	for _, column := range columns {
		names := names(column)
		table += " " + strings.Join(names, ", ") + " |"
		senders += len(names)
	}
	table += "\n|---|" + strings.Repeat("---|", len(columns)) + "\n"
	var spans []span
	for _, r := range rows {
		text := ""
		for _, column := range columns {
			text += " " + r.summary(column[0]) + " |"
		}
		spans = extend(spans, r.Reader.Name, r.Reader.Version, text)
	}
	for _, s := range spans {
		table += "| " + s.label() + " |" + s.text + "\n"
	}
	return table, senders
}

// names are those of the senders in a column: a release, to shims of one name or of any.
func names(column [][]recorded.Passage) (all []string) {
	for _, to := range recorded.Grouped(column, func(sent []recorded.Passage) string { return release(sent[0]) }) {
		shim := "any shim"
		if len(to) == 1 {
			shim = strings.TrimPrefix(to[0][0].Shim, "containerd-shim-")
		}
		all = append(all, release(to[0][0])+" to "+shim)
	}
	return all
}

// summary is what a row has of what was sent, in one or two words: what happens
// to the reader's own options, and what goes wrong without options (n:) and with foreign
// ones (f:).
func (r Row) summary(all []recorded.Passage) string {
	if r.Err != nil {
		return "not run: " + gocmd.OneLine(r.Err.Error())
	}
	effects := make(map[string][]string) // by what was asked for
	for _, e := range worstFirst {
		for _, p := range all {
			what := asked(r.Reader, p.Options)
			if r.answer(p).effect() == e && !slices.Contains(effects[what], string(e)) {
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
func (r Row) answer(p recorded.Passage) Answer {
	return r.Answers[slices.IndexFunc(r.Answers, func(a Answer) bool { return bytes.Equal(a.Bytes, p.Start) })]
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
