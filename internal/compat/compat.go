// Package compat says which containerd works with which shim: what each reader
// makes of what each containerd was recorded to send.
package compat

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/Microsoft/hcsshim/cmd/containerd-shim-runhcs-v1/options"
	"golang.org/x/mod/semver"
	"google.golang.org/protobuf/proto"

	"shimfuzz/corpus/table"
	"shimfuzz/internal/contract"
	"shimfuzz/internal/findings"
	"shimfuzz/internal/payload"
	"shimfuzz/internal/readers"
	"shimfuzz/internal/testee"
)

// Sender is a containerd that starts shims of some names.
type Sender struct {
	Containerd string   // release
	Shims      []string // to which it sends the same
	Starts     []Start
}

// Start is what it sends for one request.
type Start struct {
	table.Recording
	Payload []byte
}

// Label names a sender in a table's head.
func (s Sender) Label() (first, second string) {
	if len(s.Shims) > 1 {
		return s.Containerd, "any shim"
	}
	return s.Containerd, strings.TrimPrefix(s.Shims[0], "containerd-shim-")
}

// Senders arranges recordings: a release that sends the same to shims of every
// name is one sender.
func Senders(all []table.Recording) ([]Sender, error) {
	var list []Sender
	for _, r := range all {
		if r.Request.Action != "start" {
			continue
		}
		b, err := r.Payload()
		if err != nil {
			return nil, err
		}
		last := len(list) - 1
		if last < 0 || list[last].Containerd != r.Containerd || list[last].Shims[0] != r.Request.Shim {
			list = append(list, Sender{Containerd: r.Containerd, Shims: []string{r.Request.Shim}})
			last++
		}
		list[last].Starts = append(list[last].Starts, Start{r, b})
	}
	var merged []Sender
	for _, s := range list {
		if last := len(merged) - 1; last >= 0 && sendSame(merged[last], s) {
			merged[last].Shims = append(merged[last].Shims, s.Shims...)
			continue
		}
		merged = append(merged, s)
	}
	return merged, nil
}

func sendSame(a, b Sender) bool {
	if a.Containerd != b.Containerd || len(a.Starts) != len(b.Starts) {
		return false
	}
	for i := range a.Starts {
		if !bytes.Equal(a.Starts[i].Payload, b.Starts[i].Payload) {
			return false
		}
	}
	return true
}

// Asked is what a request means to a reader.
type Asked string

const (
	Ours    Asked = "options"    // of the type that it reads
	Nothing Asked = "no options" //
	Foreign Asked = "foreign"    // options of another type
)

// Verdict is what came of a request.
type Verdict string

const (
	Right    Verdict = "right"
	Defaults Verdict = "DEFAULTS" // the options were dropped, and nobody is told
	Error    Verdict = "error"    // the shim does not start, and says why
	Panics   Verdict = "PANIC"
	Hangs    Verdict = "HANG"
	Other    Verdict = "OTHER" // other options than were sent, or some where none were
)

// Answer is what a reader made of one start, and how that is judged.
type Answer struct {
	Start
	Asked   Asked
	Got     testee.Answer
	Verdict Verdict
	Finding string // that explains a verdict that is not right; "" if none does
}

// Cell is a reader and a sender.
type Cell struct {
	Reader  readers.Reader
	Sender  Sender
	Answers []Answer
}

// Ask lets a reader answer to all that a sender sends. ask puts a payload to it.
func Ask(r readers.Reader, s Sender, ask func([]byte) (testee.Answer, error)) (Cell, error) {
	c := Cell{Reader: r, Sender: s}
	for _, start := range s.Starts {
		got, err := ask(start.Payload)
		if err != nil {
			return c, fmt.Errorf("%s: %w", r.ID(), err)
		}
		a := Answer{Start: start, Asked: asked(r, start), Got: got}
		a.Verdict = a.judge(r)
		if a.Verdict != Right {
			a.Finding = findings.OfReader(r.Name, r.Version, family(start.Payload), string(a.Asked), got.Outcome)
		}
		c.Answers = append(c.Answers, a)
	}
	return c, nil
}

func family(b []byte) string {
	if payload.IsBootstrap(b) {
		return "bootstrap"
	}
	return "legacy"
}

func asked(r readers.Reader, s Start) Asked {
	switch table.Requested(s.Request.Options).Type {
	case "":
		return Nothing
	case r.Options:
		return Ours
	}
	return Foreign
}

// judge holds an answer to the contract. Foreign options are an error in an Any,
// and another reader's affair among extensions.
func (a Answer) judge(r readers.Reader) Verdict {
	got := contract.Kind(a.Got.Outcome)
	switch {
	case got == contract.Panic:
		return Panics
	case got == contract.Hang:
		return Hangs
	case a.Asked == Foreign && !payload.IsBootstrap(a.Payload) && got.IsError():
		return Right
	case got.IsError():
		return Error
	case got == contract.None && (a.Asked == Nothing || a.Asked == Foreign && payload.IsBootstrap(a.Payload)):
		return Right
	case got == contract.None:
		return Defaults
	case a.Asked == Ours && arrived(r, a):
		return Right
	}
	return Other
}

// arrived reports whether the options are those that were sent. Of containerd's
// own shim it is known only that it has seen the marker in them.
func arrived(r readers.Reader, a Answer) bool {
	sent := sentOptions(a.Payload)
	if r.Options != readers.RunHCSOptions {
		return bytes.Contains(a.Got.Detail, []byte(table.RuncMarker)) && bytes.Contains(sent, []byte(table.RuncMarker))
	}
	want, got := new(options.Options), new(options.Options)
	if proto.Unmarshal(sent, want) != nil || proto.Unmarshal(a.Got.Detail, got) != nil {
		return false
	}
	if contract.Identical(want, got) {
		return true
	}
	// To an hcsshim whose scrub_logs is not optional, false and unset are one.
	if want.ScrubLogs != nil && !want.GetScrubLogs() && got.ScrubLogs == nil {
		want.ScrubLogs = nil
	}
	return contract.Identical(want, got)
}

// sentOptions is the encoded options in a payload.
func sentOptions(b []byte) []byte { return payload.OptionsBytes(b) }

// verdicts are those on the requests of a kind, each once, the worst first.
func (c Cell) verdicts(asked Asked) (list []Verdict) {
	for _, v := range []Verdict{Panics, Hangs, Other, Defaults, Error, Right} {
		if slices.ContainsFunc(c.Answers, func(a Answer) bool { return a.Asked == asked && a.Verdict == v }) {
			list = append(list, v)
		}
	}
	return list
}

// worst is the worst verdict on requests of a kind.
func (c Cell) worst(asked Asked) Verdict { return append(c.verdicts(asked), Right)[0] }

// Summary is the cell in a word or two: what becomes of the shim's own options,
// and what goes wrong without options (n:) and with those of another type (f:).
func (c Cell) Summary() string {
	var words []string
	for _, v := range c.verdicts(Ours) {
		words = append(words, map[bool]string{true: "arrive", false: string(v)}[v == Right])
	}
	text := strings.Join(words, "/")
	if v := c.worst(Nothing); v != Right {
		text += " n:" + strings.ToLower(string(v))
	}
	if v := c.worst(Foreign); v != Right {
		text += " f:" + strings.ToLower(string(v))
	}
	return text
}

// Works reports whether the shim's own options arrive, and none stay none.
func (c Cell) Works() bool { return c.worst(Ours) == Right && c.worst(Nothing) == Right }

// Row is a reader's answers to every sender.
type Row struct {
	Reader  readers.Reader
	Missing string // why it could not be run; then there are no cells
	Absent  bool   // the reader is not for this system, which is no failure
	Cells   []Cell
}

// Surprise is wrong answers of one kind by one reader, for no known reason.
type Surprise struct {
	Reader readers.Reader
	First  Answer
	Count  int
}

// Surprises are the answers that are wrong and that no finding explains.
func Surprises(rows []Row) (list []*Surprise) {
	for _, row := range rows {
		kinds := make(map[string]*Surprise)
		for _, c := range row.Cells {
			for _, a := range c.Answers {
				if a.Verdict == Right || a.Finding != "" {
					continue
				}
				kind := fmt.Sprint(a.Asked, a.Verdict, family(a.Payload))
				if kinds[kind] == nil {
					kinds[kind] = &Surprise{Reader: row.Reader, First: a}
					list = append(list, kinds[kind])
				}
				kinds[kind].Count++
			}
		}
	}
	return list
}

// Lost are the fields of the options that a containerd was asked to send and did
// not, by their names.
func (s Start) Lost() (fields []string) {
	o := table.Requested(s.Request.Options)
	if o.Type != readers.RunHCSOptions {
		return nil
	}
	asked, sent := new(options.Options), new(options.Options)
	if proto.Unmarshal(o.Value(), asked) != nil || proto.Unmarshal(sentOptions(s.Payload), sent) != nil {
		return []string{"all of them"}
	}
	was, is := asked.ProtoReflect(), sent.ProtoReflect()
	for i := range was.Descriptor().Fields().Len() {
		fd := was.Descriptor().Fields().Get(i)
		if was.Has(fd) && !is.Has(fd) {
			fields = append(fields, fmt.Sprintf("%s: %v", fd.Name(), was.Get(fd)))
		}
	}
	return fields
}

// Stale are the findings of readers that showed in no answer, of those releases
// that were run. A checkout may have mended what it likes.
func Stale(rows []Row) (names []string) {
	for _, f := range findings.OfReaders {
		for _, row := range rows {
			if len(row.Cells) > 0 && semver.IsValid(row.Reader.Version) && f.Has(row.Reader.Name, row.Reader.Version) && !row.shows(f.Name) {
				names = append(names, fmt.Sprintf("%s of %s", f.Name, row.Reader.ID()))
			}
		}
	}
	return names
}

func (r Row) shows(finding string) bool {
	for _, c := range r.Cells {
		if slices.ContainsFunc(c.Answers, func(a Answer) bool { return a.Finding == finding }) {
			return true
		}
	}
	return false
}
