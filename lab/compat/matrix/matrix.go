// Package matrix computes which containerd works with which shim: what each
// reader (package readers) answers to what each containerd was recorded to send
// (lab/compat/recorded), what an operator sees of that, and whether it is right.
//
// A Row is a reader, a Cell is a reader and a sender, an Answer is one payload.
package matrix

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"golang.org/x/mod/semver"

	"shimfuzz/internal/contract"
	"shimfuzz/internal/settings"
	"shimfuzz/internal/stdin"
	"shimfuzz/internal/verdict"
	"shimfuzz/lab/compat/findings"
	"shimfuzz/lab/compat/readers"
)

// Cell is a reader's answers to one sender.
type Cell struct {
	Reader  readers.Reader
	Sender  Sender
	Answers []Answer
}

// effects returns the effects of one request, each once, the worst first.
func (c Cell) effects(r Request) (list []Effect) {
	for _, e := range worstFirst {
		if slices.ContainsFunc(c.Answers, func(a Answer) bool { return a.Asked == r && a.Effect == e }) {
			list = append(list, e)
		}
	}
	return list
}

// worst returns the worst effect of one request.
func (c Cell) worst(r Request) Effect { return append(c.effects(r), Arrive)[0] }

// Summary returns the cell in one or two words: what happens to the reader's own
// options, and what goes wrong without options (n:) and with foreign ones (f:).
func (c Cell) Summary() string {
	var words []string
	for _, e := range c.effects(OwnOptions) {
		words = append(words, string(e))
	}
	text := strings.Join(words, "/")
	if e := c.worst(NoOptions); e != Arrive {
		text += " n:" + e.Lower()
	}
	if e := c.worst(ForeignOptions); e != Arrive {
		text += " f:" + e.Lower()
	}
	return text
}

// Row is a reader's answers to every sender.
type Row struct {
	Reader  readers.Reader
	Missing string // why the reader could not be run; then there are no cells
	Absent  bool   // the reader is not for this system, which is not a failure
	Cells   []Cell
	Replays []Answer // to the cases of Cases

	Settings map[int]Answer // to what settings become, by the index of the Way
}

// answers returns every answer of the reader.
func (r Row) answers() []Answer {
	all := slices.Clone(r.Replays)
	for _, c := range r.Cells {
		all = append(all, c.Answers...)
	}
	for _, i := range slices.Sorted(maps.Keys(r.Settings)) {
		all = append(all, r.Settings[i])
	}
	return all
}

// Surprise is a group of unexplained wrong answers of one reader: to the same
// request, in the same message, with the same effect.
type Surprise struct {
	Reader readers.Reader
	First  Answer
	Count  int
}

// Surprises returns the wrong answers that no finding predicts.
func Surprises(rows []Row) (list []*Surprise) {
	for _, row := range rows {
		groups := make(map[string]*Surprise)
		for _, a := range row.answers() {
			if !a.Verdict.Fails() || a.Verdict.Kind == verdict.KnownRight { // see Stale
				continue
			}
			key := fmt.Sprint(a.Asked, a.Effect, stdin.IsBootstrap(a.Payload))
			if groups[key] == nil {
				groups[key] = &Surprise{Reader: row.Reader, First: a}
				list = append(list, groups[key])
			}
			groups[key].Count++
		}
	}
	return list
}

// Report reports the first answer of s. program is the path of the reader's
// program, for the command that shows the answer again.
func (s Surprise) Report(program string) verdict.Report {
	a := s.First
	r := a.Verdict.Report(a.payload(), a.Got, contract.GuaranteeOf(a.Want.Kind),
		findings.All.Of(s.Reader.Name, s.Reader.Version))
	if r.Advice == "" {
		r.Advice = "If the answer is a defect of the reader, add a finding that predicts it to " +
			"lab/compat/findings/all.go."
	}
	r.Program = s.Reader.ID()
	if s.Count > 1 {
		r.Payload.Description += fmt.Sprintf(", the first of %d payloads", s.Count)
	}
	family, _, _ := strings.Cut(a.Name, "_")
	r.Replay = fmt.Sprintf("make -C lab repro CASE=corpus/%s/%s.bin READER=%s", family, a.Name,
		settings.Quote(program))
	return r
}

// Stale returns the findings that predict a wrong answer where that of a release is
// right, as "finding of reader". A checkout may have fixed any of them.
func Stale(rows []Row) (names []string) {
	for _, row := range rows {
		for _, a := range row.answers() {
			if a.Verdict.Kind != verdict.KnownRight || !semver.IsValid(row.Reader.Version) {
				continue
			}
			name := fmt.Sprintf("%s of %s", a.Verdict.Finding.Name, row.Reader.ID())
			if !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	return names
}
