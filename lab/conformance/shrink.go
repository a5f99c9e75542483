package conformance

import (
	"context"
	"fmt"
	"iter"
	"slices"

	"google.golang.org/protobuf/encoding/protowire"

	"shimfuzz/internal/contract"
	"shimfuzz/internal/wire"
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
func (r *run) shrink(ctx context.Context, f *failure) (*failure, error) {
	if len(f.payload) > maxShrunk {
		return nil, nil
	}
	var candidates []question
	size := 0
	for c := range smaller(f.payload) {
		q := f.question
		q.payload = c
		candidates = append(candidates, q)
		if size += len(c); len(candidates) == maxCandidates || size > maxAsked {
			break
		}
	}
	// The smallest that fails in the same way; at the same size, the first.
	slices.SortStableFunc(candidates, func(a, b question) int { return len(a.payload) - len(b.payload) })
	var found *failure
	err := r.ask(ctx, candidates, func(q question, got contract.Outcome) {
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

// smaller yields a message with one thing in it left out or made smaller. What a field
// holds is a text and a message: nothing says which.
func smaller(b []byte) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		fields, rest := wire.Parse(b)
		for _, f := range fields {
			if !yield(slices.Concat(b[:f.Offset], b[f.Offset+len(f.Raw):])) {
				return
			}
		}
		for _, f := range fields {
			for piece := range smallerField(f) {
				if !yield(slices.Concat(b[:f.Offset], piece, b[f.Offset+len(f.Raw):])) {
					return
				}
			}
		}
		for _, piece := range shorter(rest) {
			if !yield(slices.Concat(b[:len(b)-len(rest)], piece)) {
				return
			}
		}
	}
}

// smallerField yields a field with a smaller value, or in a shorter encoding.
func smallerField(f wire.Field) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		tag, n := protowire.ConsumeVarint(f.Raw)
		head := f.Raw[:n:n]
		if n > protowire.SizeVarint(tag) && !yield(slices.Concat(protowire.AppendVarint(nil, tag), f.Raw[n:])) {
			return
		}
		switch f.Type {
		case protowire.VarintType:
			v, m := protowire.ConsumeVarint(f.Value)
			for _, v := range []uint64{v, 0, 1} {
				if protowire.SizeVarint(v) < m && !yield(protowire.AppendVarint(head, v)) {
					return
				}
			}
		case protowire.BytesType:
			width := len(f.Raw) - n - len(f.Value)
			if width == protowire.SizeVarint(uint64(len(f.Value))) {
				width = 0
			} else if !yield(protowire.AppendBytes(head, f.Value)) {
				return
			}
			for _, values := range []iter.Seq[[]byte]{slices.Values(shorter(f.Value)), smaller(f.Value)} {
				for value := range values {
					if !yield(slices.Concat(head, wire.WideVarint(uint64(len(value)), width), value)) {
						return
					}
				}
			}
		case protowire.StartGroupType:
			body, _ := protowire.ConsumeGroup(f.Num, f.Raw[n:])
			for value := range smaller(body) {
				if !yield(slices.Concat(head, value, f.Raw[n+len(body):])) {
					return
				}
			}
		}
	}
}

// shorter are b with less in it: nothing, either half, and without its ends.
func shorter(b []byte) (all [][]byte) {
	if len(b) == 0 {
		return nil
	}
	half := len(b) / 2
	all = [][]byte{nil, b[half:], b[:half], b[1:], b[:len(b)-1]}
	return slices.DeleteFunc(all, func(c []byte) bool { return len(c) == len(b) })
}
