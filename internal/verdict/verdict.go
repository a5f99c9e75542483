// Package verdict decides whether an answer to a payload is right, and reports
// it. Every part of the suite that holds a program to the contract asks here.
package verdict

import (
	"slices"

	"shimfuzz/internal/contract"
	"shimfuzz/internal/findings"
	"shimfuzz/internal/grammar"
)

// Kind is what an answer is.
type Kind string

// The kinds.
const (
	Right          Kind = "right"                // what the contract wants
	Free           Kind = "free"                 // another answer that the contract allows (docs/contract.md, Freedoms)
	Known          Kind = "known"                // wrong in just the way that an excused finding predicts
	KnownRight     Kind = "known, but right"     // as if an excused finding that affects the payload were mended
	KnownDifferent Kind = "known, but different" // wrong in a way that no finding predicts, where one is excused
	Wrong          Kind = "wrong"
)

// Verdict is the decision on one answer.
type Verdict struct {
	Kind      Kind
	Finding   *findings.Finding // that affects the payload and is excused, or explains a wrong answer though it is not
	Predicted contract.Outcome  // the answer that an excused finding predicts
	Other     string            // what is wrong beside the answer, if that is Wrong: memory, time, what it shares
}

// Of decides on an answer. known is what is known of the program that gave it,
// excused what of that is not to fail a test.
func Of(p grammar.Payload, got contract.Outcome, known, excused findings.List) Verdict {
	if contract.Right(p.Want, got) {
		return Verdict{Kind: Right}
	}
	return OfCase(p, got, known, excused)
}

// OfCase is Of where a finding must still show: a right answer is KnownRight if a finding
// predicts a wrong one. Of does not ask, because predicting costs more than decoding.
func OfCase(p grammar.Payload, got contract.Outcome, known, excused findings.List) Verdict {
	if p.Want.Kind == contract.Read { // what a failing reader has delivered is not decoded
		known, excused = findings.None, findings.None
	}
	right := contract.Right(p.Want, got)
	isGot := func(other contract.Outcome) bool { return contract.Right(other, got) }
	if !right && slices.ContainsFunc(p.Want.Or, isGot) {
		return Verdict{Kind: Free}
	}
	finding, predicted := excused.Predict(p.Bytes, p.Want)
	v := Verdict{Finding: finding, Predicted: predicted, Kind: KnownDifferent}
	switch {
	case finding == nil && right:
		v.Kind = Right
	case finding == nil:
		v.Kind = Wrong
	case findings.Matches(predicted, got):
		v.Kind = Known
	}
	if v.Kind == Right || v.Kind == Known {
		return v
	}
	// What the findings are that an answer shows does not depend on which of them are excused.
	if _, lacks, ok := excused.Explain(p.Bytes, p.Want, got); ok && len(lacks) > 0 {
		v.Kind, v.Finding = KnownRight, lacks[0]
	} else if by, _, ok := known.Explain(p.Bytes, p.Want, got); ok && by != nil {
		v.Kind, v.Finding = Wrong, by
	}
	return v
}

// Fails reports whether the answer fails a test. KnownRight does: where it is
// asked for, a finding must still show.
func (v Verdict) Fails() bool { return v.Kind != Right && v.Kind != Free && v.Kind != Known }
