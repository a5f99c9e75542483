// Package matrix says which containerd works with which shim: what each reader
// makes of what each containerd was recorded to send.
package matrix

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/Microsoft/hcsshim/cmd/containerd-shim-runhcs-v1/options"
	"golang.org/x/mod/semver"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"shimfuzz/corpus/table"
	"shimfuzz/internal/contract"
	"shimfuzz/internal/findings"
	"shimfuzz/internal/interop/protocol"
	"shimfuzz/internal/interop/readers"
	"shimfuzz/internal/stdin"
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

// Verdict is what came of a request.
type Verdict string

const (
	Right    Verdict = "right"
	Defaults Verdict = "DEFAULTS" // the options were dropped, and nobody is told
	Error    Verdict = "error"    // the shim does not start, and says why
	Panics   Verdict = "PANIC"
	Hangs    Verdict = "HANG"
	Partly   Verdict = "PARTLY" // some fields were dropped, and nobody is told
	Other    Verdict = "OTHER"  // other options than were sent, or some where none were
)

// Answer is what a reader made of one start, and how that is judged.
type Answer struct {
	Start
	Asked   findings.Asked
	Got     protocol.Answer
	Verdict Verdict
	Finding string // that predicts just this answer; "" if none does
	Stale   string // the finding that predicts another, where the answer is right
}

// Cell is a reader and a sender.
type Cell struct {
	Reader  readers.Reader
	Sender  Sender
	Answers []Answer
}

// Ask lets a reader answer to all that a sender sends. ask puts a payload to it.
// The error is one of running it.
func Ask(r readers.Reader, s Sender, ask func([]byte) (protocol.Answer, error)) (Cell, error) {
	c := Cell{Reader: r, Sender: s}
	for _, start := range s.Starts {
		got, err := ask(start.Payload)
		if err != nil {
			return c, fmt.Errorf("%s: %w", r.ID(), err)
		}
		if got.Outcome == protocol.Unable {
			return c, fmt.Errorf("%w: %s", readers.ErrNotHere, got.Detail)
		}
		a := Answer{Start: start, Asked: asked(r, start), Got: got}
		a.Verdict = a.judge(r)
		finding, predicted := findings.OfReader(r.Name, r.Version, start.Payload, a.Asked, outcome(r, got))
		switch {
		case finding == nil:
		case a.Verdict != Right && predicted:
			a.Finding = finding.Name
		case a.Verdict == Right:
			a.Stale = finding.Name
		}
		c.Answers = append(c.Answers, a)
	}
	return c, nil
}

func family(b []byte) string {
	if stdin.IsBootstrap(b) {
		return "bootstrap"
	}
	return "legacy"
}

func asked(r readers.Reader, s Start) findings.Asked {
	switch table.Requested(s.Request.Options).Type {
	case "":
		return findings.Nothing
	case r.Options:
		return findings.Ours
	}
	return findings.Foreign
}

// outcome is an answer as the contract names it. Of options that are not runhcs's
// no more is known than that they are there.
func outcome(r readers.Reader, a protocol.Answer) contract.Outcome {
	o := contract.Outcome{Kind: contract.Kind(a.Outcome)}
	switch {
	case o.Kind.IsError():
		o.Err = errors.New(string(a.Detail))
	case o.Kind == contract.Options && r.Options == readers.RunHCSOptions:
		o.Options = new(options.Options)
		if err := proto.Unmarshal(a.Detail, o.Options); err != nil {
			return contract.Outcome{Kind: contract.Panic, Panic: err.Error()}
		}
	}
	return o
}

// judge holds an answer to the contract. Foreign options are an error in an Any,
// and another reader's affair among extensions.
func (a Answer) judge(r readers.Reader) Verdict {
	got := outcome(r, a.Got)
	bootstrap := stdin.IsBootstrap(a.Payload)
	switch {
	case got.Kind == contract.Panic:
		return Panics
	case got.Kind == contract.Hang:
		return Hangs
	case a.Asked == findings.Foreign && !bootstrap && got.Kind.IsError():
		return Right
	case got.Kind.IsError():
		return Error
	case got.Kind == contract.None && (a.Asked == findings.Nothing || a.Asked == findings.Foreign && bootstrap):
		return Right
	case got.Kind == contract.None:
		return Defaults
	case a.Asked == findings.Ours:
		return a.arrived(r, got.Options)
	}
	return Other
}

// arrived judges options that a reader has found. Of containerd's own shim it is
// known only that it has seen the marker in them.
func (a Answer) arrived(r readers.Reader, got *options.Options) Verdict {
	sent := stdin.OptionsBytes(a.Payload)
	if r.Options != readers.RunHCSOptions {
		if bytes.Contains(a.Got.Detail, []byte(table.RuncMarker)) && bytes.Contains(sent, []byte(table.RuncMarker)) {
			return Right
		}
		return Other
	}
	want := new(options.Options)
	if proto.Unmarshal(sent, want) != nil {
		return Other
	}
	if !r.TellsUnset() && !want.GetScrubLogs() && !got.GetScrubLogs() {
		want.ScrubLogs, got.ScrubLogs = nil, nil // false and unset are one to it, and to all who use it
	}
	switch {
	case contract.Identical(want, got):
		return Right
	case isPart(got, want):
		return Partly
	}
	return Other
}

// isPart reports whether every field that is set in part is the same in whole.
func isPart(part, whole *options.Options) bool {
	is := true
	part.ProtoReflect().Range(func(fd protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		is = is && v.Equal(whole.ProtoReflect().Get(fd))
		return is
	})
	return is
}

// verdicts are those on the requests of a kind, each once, the worst first.
func (c Cell) verdicts(asked findings.Asked) (list []Verdict) {
	for _, v := range []Verdict{Panics, Hangs, Other, Defaults, Partly, Error, Right} {
		if slices.ContainsFunc(c.Answers, func(a Answer) bool { return a.Asked == asked && a.Verdict == v }) {
			list = append(list, v)
		}
	}
	return list
}

// worst is the worst verdict on requests of a kind.
func (c Cell) worst(asked findings.Asked) Verdict { return append(c.verdicts(asked), Right)[0] }

// Summary is the cell in a word or two: what becomes of the shim's own options,
// and what goes wrong without options (n:) and with those of another type (f:).
func (c Cell) Summary() string {
	var words []string
	for _, v := range c.verdicts(findings.Ours) {
		words = append(words, string(v))
	}
	text := strings.ReplaceAll(strings.Join(words, "/"), string(Right), "arrive")
	if v := c.worst(findings.Nothing); v != Right {
		text += " n:" + strings.ToLower(string(v))
	}
	if v := c.worst(findings.Foreign); v != Right {
		text += " f:" + strings.ToLower(string(v))
	}
	return text
}

// Works reports whether the shim's own options arrive, and none stay none.
func (c Cell) Works() bool {
	return c.worst(findings.Ours) == Right && c.worst(findings.Nothing) == Right
}

// WorksPartly reports whether no more is wrong than that some fields are dropped.
func (c Cell) WorksPartly() bool {
	return c.worst(findings.Ours) == Partly && c.worst(findings.Nothing) == Right
}

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
	if proto.Unmarshal(o.Value(), asked) != nil || proto.Unmarshal(stdin.OptionsBytes(s.Payload), sent) != nil {
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

// Stale are the findings of readers that predict another answer where that of a
// release is right. A checkout may have mended what it likes.
func Stale(rows []Row) (names []string) {
	for _, row := range rows {
		for _, c := range row.Cells {
			for _, a := range c.Answers {
				name := fmt.Sprintf("%s of %s", a.Stale, row.Reader.ID())
				if a.Stale != "" && semver.IsValid(row.Reader.Version) && !slices.Contains(names, name) {
					names = append(names, name)
				}
			}
		}
	}
	return names
}
