package matrix

import (
	"bytes"
	"fmt"

	runcoptions "github.com/containerd/containerd/api/types/runc/options"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"shimfuzz/internal/contract"
	"shimfuzz/internal/grammar"
	"shimfuzz/internal/verdict"
	"shimfuzz/lab/compat/findings"
	"shimfuzz/lab/compat/readers"
	"shimfuzz/lab/compat/recorded"
	"shimfuzz/lab/conformance/optionstype"
	"shimfuzz/lab/conformance/protocol"
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

// worstFirst is every effect, the worst first.
var worstFirst = []Effect{Panics, Hangs, Other, Defaults, Partly, Fails, Arrive}

// Answer is what a reader answered to a payload, and the decision on it.
type Answer struct {
	grammar.Payload
	Got     contract.Outcome
	Verdict verdict.Verdict
}

// ask puts payloads to a reader, and decides on the answers.
func ask(r readers.Reader, all []grammar.Payload, put func(payload []byte) (protocol.Answer, error)) Row {
	row := Row{Reader: r}
	for _, p := range all {
		answer, err := put(p.Bytes)
		if err == nil && answer.Outcome == protocol.Unable {
			err = fmt.Errorf("%w: %s", readers.ErrNotHere, answer.Detail)
		}
		var a Answer
		if err == nil {
			a, err = decide(r, p, answer)
		}
		if err != nil {
			return Row{Reader: r, Err: err}
		}
		row.Answers = append(row.Answers, a)
	}
	return row
}

// types are those of the Options that readers read, by their names.
var types = map[string]protoreflect.MessageType{
	contract.OptionsName: optionstype.RunHCS,
	findings.RuncOptions: (*runcoptions.Options)(nil).ProtoReflect().Type(),
}

// decide decides on the answer of a reader. What is known of it is excused. Of options other
// than runhcs's only the marker is checked, where options are right.
func decide(r readers.Reader, p grammar.Payload, answer protocol.Answer) (Answer, error) {
	options := types[findings.OptionsType(r.Name)]
	p.Want = findings.Want(options, r.Name, r.Version, p.Bytes)
	got, err := findings.Outcome(options, r.Name, r.Version, answer)
	if got.Kind == contract.Options && got.Options == nil && p.Want.Kind == contract.Options &&
		!bytes.Contains(answer.Detail, []byte(recorded.RuncMarker)) {
		err = fmt.Errorf("the options in the answer do not have %s in them", recorded.RuncMarker)
	}
	known := findings.All.Of(r.Name, r.Version)
	return Answer{p, got, verdict.OfCase(p, got, known, known)}, err
}

// effect is what an operator sees of the answer.
func (a Answer) effect() Effect {
	switch want, got := a.Want, a.Got; {
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
