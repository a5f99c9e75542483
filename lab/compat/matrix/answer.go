package matrix

import (
	"bytes"
	"fmt"
	"strings"

	"google.golang.org/protobuf/proto"

	"shimfuzz/internal/contract"
	"shimfuzz/internal/grammar"
	"shimfuzz/internal/verdict"
	"shimfuzz/lab/compat/findings"
	"shimfuzz/lab/compat/readers"
	"shimfuzz/lab/compat/recorded"
	"shimfuzz/lab/conformance/optionstype"
	"shimfuzz/lab/conformance/process"
	"shimfuzz/lab/conformance/protocol"
)

// Request is what containerd was asked to send, as seen by one reader.
type Request string

// The requests.
const (
	OwnOptions     Request = "options"    // of the type that the reader reads
	NoOptions      Request = "no options" //
	ForeignOptions Request = "foreign"    // options of another type
	Replayed       Request = "replayed"   // a case of the corpus, which no containerd sends
)

// Effect is what an operator sees of an answer.
type Effect string

// The effects.
const (
	Arrive   Effect = "arrive"   // what the contract wants
	Defaults Effect = "DEFAULTS" // the options were silently dropped
	Partly   Effect = "PARTLY"   // some fields were silently dropped
	Fails    Effect = "error"    // the shim does not start, and reports why
	Panics   Effect = "PANIC"
	Hangs    Effect = "HANG"
	Other    Effect = "OTHER" // other options than were sent, or some where none were sent
)

// Lower is the effect where it is not the first thing to be seen.
func (e Effect) Lower() string { return strings.ToLower(string(e)) }

// worstFirst is every effect, the worst first.
var worstFirst = []Effect{Panics, Hangs, Other, Defaults, Partly, Fails, Arrive}

// Answer is what a reader answered to one start, and the decision on it.
type Answer struct {
	Start
	Asked   Request // for Start, as the reader sees it
	Want    contract.Outcome
	Got     contract.Outcome
	Effect  Effect
	Verdict verdict.Verdict
}

// Ask puts every payload of a sender to a reader with ask, and decides on the
// answers. The error is one of ask, one of an answer that is not of the protocol, or
// readers.ErrNotHere for a reader that cannot be run on this system.
func Ask(r readers.Reader, s Sender, ask func(payload []byte) (protocol.Answer, error)) (Cell, error) {
	c := Cell{Reader: r, Sender: s}
	for _, start := range s.Starts {
		got, err := ask(start.Payload)
		if err != nil {
			return c, fmt.Errorf("%s: %w", r.ID(), err)
		}
		if got.Outcome == protocol.Unable {
			return c, fmt.Errorf("%w: %s", readers.ErrNotHere, got.Detail)
		}
		a, err := decide(r, start, got)
		if err != nil {
			return c, fmt.Errorf("%s: %w", r.ID(), err)
		}
		c.Answers = append(c.Answers, a)
	}
	return c, nil
}

// decide decides on the answer of a reader. What is known of it is excused.
func decide(r readers.Reader, s Start, answer protocol.Answer) (Answer, error) {
	want := findings.Want(r.Name, r.Version, s.Payload)
	got, err := outcome(r, answer, want)
	if err != nil {
		return Answer{}, err
	}
	a := Answer{Start: s, Asked: asked(r, s), Want: want, Got: got}
	a.Effect = effect(a.Want, a.Got)
	known := findings.All.Of(r.Name, r.Version)
	a.Verdict = verdict.OfCase(a.payload(), a.Got, known, known)
	return a, nil
}

func (a Answer) payload() grammar.Payload {
	return grammar.Payload{Bytes: a.Payload, Want: a.Want, Description: a.Name}
}

func asked(r readers.Reader, s Start) Request {
	if s.Requested == "" {
		return Replayed
	}
	switch recorded.Requested(s.Requested).Type {
	case "":
		return NoOptions
	case r.Reads():
		return OwnOptions
	}
	return ForeignOptions
}

// outcome is an answer as the contract names it. Of options other than runhcs's
// only the marker is checked, where options are right.
func outcome(r readers.Reader, a protocol.Answer, want contract.Outcome) (contract.Outcome, error) {
	decoded := optionstype.RunHCS
	if r.Reads() != contract.OptionsName {
		decoded = nil
	}
	o, err := process.Outcome(a, decoded)
	if o.Kind == contract.Options && o.Options == nil && want.Kind == contract.Options &&
		!bytes.Contains(a.Detail, []byte(recorded.RuncMarker)) {
		err = fmt.Errorf("the options in the answer do not have %s in them", recorded.RuncMarker)
	}
	return findings.AsKnown(r.Name, r.Version, o), err
}

// effect is what an operator sees of got where want is right.
func effect(want, got contract.Outcome) Effect {
	switch {
	case got.Kind == contract.Panic:
		return Panics
	case got.Kind == contract.Hang:
		return Hangs
	case got.Kind.IsError() && want.Kind.IsError(), contract.Right(want, got):
		return Arrive
	case got.Kind.IsError():
		return Fails
	case got.Kind == contract.None:
		return Defaults
	case got.Kind == contract.Options && want.Kind == contract.Options && isPart(got.Options, want.Options):
		return Partly
	}
	return Other
}

// isPart reports whether every field that is set in part has the same value in whole.
func isPart(part, whole proto.Message) bool {
	for fd, v := range part.ProtoReflect().Range {
		if !v.Equal(whole.ProtoReflect().Get(fd)) {
			return false
		}
	}
	return true
}
