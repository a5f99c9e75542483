// Package verdict decides whether an answer to a payload is right, and reports
// it. Every part of the suite that holds a program to the contract asks here.
package verdict

import (
	"slices"

	"shimfuzz/internal/contract"
	"shimfuzz/internal/findings"
)

// Kind is what an answer is.
type Kind string

// The kinds.
const (
	Right          Kind = "right"                // what the contract wants
	Free           Kind = "free"                 // another answer that the contract allows (docs/contract.md, Freedoms)
	Known          Kind = "known"                // wrong in just the way that an excused finding predicts
	KnownRight     Kind = "known, but right"     // right where an excused finding predicts a wrong answer
	KnownDifferent Kind = "known, but different" // wrong in another way than an excused finding predicts
	Wrong          Kind = "wrong"
)

// Question is a payload, and what a correct shim answers to it.
type Question struct {
	Payload []byte
	Input   contract.Input
	Want    contract.Outcome
	// Reproduces asks whether a right answer is one where a finding predicts a wrong
	// one. Without it such an answer is Right: predicting costs more than decoding.
	Reproduces bool
}

// Verdict is the decision on one answer.
type Verdict struct {
	Kind      Kind
	Finding   *findings.Finding // that affects the payload and is excused, or explains a wrong answer though it is not
	Predicted contract.Outcome  // the answer that Finding predicts
}

// Of decides on an answer. known is what is known of the program that gave it,
// excused what of that is not to fail a test.
func Of(q Question, got contract.Outcome, known, excused findings.List) Verdict {
	right := contract.Right(q.Want, got)
	if right && !q.Reproduces {
		return Verdict{Kind: Right}
	}
	if q.Want.Kind == contract.Read { // what a failing reader has delivered is not decoded
		known, excused = findings.None, findings.None
	}
	finding, predicted := excused.Predict(q.Payload, q.Want)
	isGot := func(other contract.Outcome) bool { return contract.Right(other, got) }
	v := Verdict{Finding: finding, Predicted: predicted}
	switch {
	case !right && slices.ContainsFunc(q.Want.Or, isGot):
		v.Kind, v.Finding = Free, nil
	case finding == nil && !right:
		v.Kind = Wrong
		if f, predicted := known.Predict(q.Payload, q.Want); f != nil && findings.Matches(predicted, got) {
			v.Finding, v.Predicted = f, predicted
		}
	case finding == nil:
		v.Kind = Right
	case right:
		v.Kind = KnownRight
	case findings.Matches(predicted, got):
		v.Kind = Known
	default:
		v.Kind = KnownDifferent
	}
	return v
}

// Fails reports whether the answer fails a test. KnownRight does: where it is
// asked for, a finding must still show.
func (v Verdict) Fails() bool { return v.Kind != Right && v.Kind != Free && v.Kind != Known }
