package conformance

import (
	"context"
	"slices"

	"shimfuzz/lab/conformance/smaller"

	"shimfuzz/internal/contract"
)

// Bounds on the questions that making one payload smaller takes.
const (
	maxRounds     = 60
	maxCandidates = 300     // in a round
	maxAsked      = 4 << 20 // bytes in a round
	maxShrunk     = 1 << 17 // bytes of a payload
)

// shrink makes the payload of a failure smaller, as long as the reader fails in the same
// way: an answer of the same kind in the place of the same ones, or some of the same
// fields wrong. It must not get features that it did not have, or one cause would become
// another. What is right for a smaller payload is the reference's to say.
func (r *run) shrink(ctx context.Context, f *failure) error {
	if len(f.payload) > maxShrunk {
		return nil
	}
	features := r.subject.features(f.payload)
	for range maxRounds {
		var candidates [][]byte
		size := 0
		for c := range smaller.Of(f.payload, r.subject.envelope(f.payload), r.subject.inside) {
			candidates = append(candidates, c)
			if size += len(c); len(candidates) == maxCandidates || size > maxAsked {
				break
			}
		}
		// The smallest that fails in the same way; at the same size, the first.
		slices.SortStableFunc(candidates, func(a, b []byte) int { return len(a) - len(b) })
		answers, err := r.ask(ctx, candidates)
		if err != nil {
			return err
		}
		found := false
		for i, c := range candidates {
			smaller := r.subject.failure(c, answers[i])
			if smaller.verdict.Fails() && smaller.isLike(f) && isSubset(r.subject.features(c), features) {
				*f, found = *smaller, true
				break
			}
		}
		if !found {
			return nil
		}
	}
	return nil
}

// failure is the answer to a payload, which is wrong if its verdict fails.
func (s *subject) failure(payload []byte, got contract.Outcome) *failure {
	f := &failure{payload: payload, want: s.want(payload), got: got}
	f.verdict = s.judge(payload, f.want, got)
	return f
}

// isLike reports whether f is a wrong answer of the same kind as an earlier one.
func (f *failure) isLike(earlier *failure) bool {
	if kinds(f.want) != kinds(earlier.want) || f.got.Kind != earlier.got.Kind ||
		f.verdict.Finding != earlier.verdict.Finding {
		return false
	}
	was := differences(earlier.want, earlier.got)
	return !slices.ContainsFunc(differences(f.want, f.got), func(d difference) bool { return !slices.Contains(was, d) })
}
