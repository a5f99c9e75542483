package conformance

import (
	"context"
	"fmt"
	"slices"

	"google.golang.org/protobuf/encoding/protowire"

	"shimfuzz/internal/contract"
)

// Bounds on the questions that making payloads smaller takes.
const (
	maxAlike      = 8 // failures that look the same
	maxRounds     = 60
	maxCandidates = 300     // in a round
	maxAsked      = 4 << 20 // bytes in a round
	maxShrunk     = 1 << 17 // bytes of a payload
)

// shrinkAll makes the payloads of failures smaller. Of many that look the same only some
// are, unless several fields are wrong: it takes a smaller payload to learn which of them
// matters.
func (r *run) shrinkAll(ctx context.Context) error {
	alike := make(map[string]int)
	failures := r.failures()
	slices.SortStableFunc(failures, func(a, b *Test) int { return len(a.failure.payload) - len(b.failure.payload) })
	for i, t := range failures {
		key := t.failure.cause()
		if alike[key]++; alike[key] > maxAlike && len(differences(t.failure.want, t.failure.got)) < 2 {
			continue
		}
		for range maxRounds {
			smaller, err := r.shrink(ctx, t.failure)
			if err != nil {
				return err
			}
			if smaller == nil {
				break
			}
			t.failure = smaller
		}
		r.progress(fmt.Sprintf("looking for the causes of %d failures, %d to go", len(failures), len(failures)-i-1))
	}
	return nil
}

// shrink returns a failure like f with a smaller payload, nil if there is none. What is
// right for that payload is the reference's to say. It asks all candidates at once, because
// a reader answers many together in the time of a few that it is asked alone.
func (r *run) shrink(ctx context.Context, f *failure) (found *failure, err error) {
	var candidates []question
	for _, b := range smaller(f.payload) {
		q := f.question
		q.payload = b
		candidates = append(candidates, q)
	}
	err = r.ask(ctx, candidates, func(q question, got contract.Outcome) {
		if smaller := r.judge(q, got); found == nil && smaller.isLike(f) {
			found = smaller
		}
	})
	return found, err
}

// isLike reports whether f is a wrong answer of the same kind as an earlier one: in the
// place of the same ones, and with no other fields wrong.
func (f *failure) isLike(earlier *failure) bool {
	return f.fails() && kinds(f.want) == kinds(earlier.want) && f.got.Kind == earlier.got.Kind &&
		f.verdict.Finding == earlier.verdict.Finding &&
		isSubset(differences(f.want, f.got), differences(earlier.want, earlier.got))
}

// smaller are payloads with one thing left out of another one, or made smaller in it, the
// smallest first.
func smaller(payload []byte) (all [][]byte) {
	if len(payload) > maxShrunk {
		return nil
	}
	var edits []edit
	for _, p := range piecesOf(payload, 0, nil) {
		edits = append(edits, p.smaller()...)
	}
	edits = slices.DeleteFunc(edits, func(e edit) bool { return e.longer() >= 0 })
	slices.SortStableFunc(edits, func(a, b edit) int { return a.longer() - b.longer() })
	size := 0
	for _, e := range edits[:min(len(edits), maxCandidates)] {
		if size += len(payload); size > maxAsked {
			break
		}
		all = append(all, e.of(payload))
	}
	return all
}

// smaller leaves out a piece, writes it in fewer bytes, or cuts its value: to nothing, to
// either half, and at its ends.
func (p piece) smaller() []edit {
	start, value, end := p.Offset, p.value(), p.end()
	all := []edit{{start, end, nil, p.lengths}}
	if p.Num != 0 {
		tag, _ := protowire.ConsumeVarint(p.Raw)
		all = append(all, edit{start, start + p.tag, protowire.AppendVarint(nil, tag), p.lengths})
	}
	switch {
	case p.Num != 0 && p.Type == protowire.VarintType:
		v, _ := protowire.ConsumeVarint(p.Value)
		for _, v := range []uint64{v, 0, 1} {
			all = append(all, edit{value, end, protowire.AppendVarint(nil, v), p.lengths})
		}
	case p.Type == protowire.BytesType:
		length := protowire.AppendVarint(nil, uint64(len(p.Value)))
		all = append(all, edit{start + p.tag, value, length, p.lengths})
		fallthrough
	case p.Num == 0:
		half := value + (end-value)/2
		for _, cut := range [][2]int{{value, end}, {value, half}, {half, end}, {value, value + 1}, {end - 1, end}} {
			if len(p.Value) > 0 {
				all = append(all, edit{cut[0], cut[1], nil, p.inside})
			}
		}
	}
	return all
}
