package conformance

import (
	"context"
	"fmt"
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
	slices.SortStableFunc(failures, bySize)
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

// bySize orders failures, the one of the smallest payload first.
func bySize(a, b *Test) int { return len(a.failure.payload) - len(b.failure.payload) }

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
	edits := slices.DeleteFunc(editsOf(payload, 0, nil), func(e edit) bool { return e.longer() >= 0 })
	slices.SortStableFunc(edits, func(a, b edit) int { return a.longer() - b.longer() })
	for _, e := range edits[:min(len(edits), maxCandidates, maxAsked/max(1, len(payload)))] {
		all = append(all, e.of(payload))
	}
	return all
}

// edit puts bytes in the place of others.
type edit struct {
	from, to int
	with     []byte
	lengths  []int // where those of the fields around it stand, the outer ones first
}

// longer is by how many bytes it makes longer what it edits.
func (e edit) longer() int { return len(e.with) - (e.to - e.from) }

// of returns the payload b, edited. A length that has more bytes than it needs keeps them.
func (e edit) of(b []byte) []byte {
	b = slices.Concat(b[:e.from], e.with, b[e.to:])
	longer := e.longer()
	for _, at := range slices.Backward(e.lengths) {
		size, n := protowire.ConsumeVarint(b[at:])
		width := n
		if width == protowire.SizeVarint(size) {
			width = 0
		}
		length := wire.WideVarint(size+uint64(longer), width)
		b = slices.Concat(b[:at], length, b[at+n:])
		longer += len(length) - n
	}
	return b
}

// maxDepth is how deep a payload is taken apart.
const maxDepth = 100

// editsOf are what may make smaller a message that stands somewhere in a payload. What a field
// holds is a text and a message: nothing says which.
func editsOf(message []byte, at int, lengths []int) (all []edit) {
	fields, rest := wire.Parse(message)
	for _, f := range fields {
		tag, n := protowire.ConsumeVarint(f.Raw)
		start, end := at+f.Offset, at+f.Offset+len(f.Raw)
		value := end - len(f.Value)
		all = append(all, edit{start, end, nil, lengths},
			edit{start, start + n, protowire.AppendVarint(nil, tag), lengths})
		switch f.Type {
		case protowire.VarintType:
			v, _ := protowire.ConsumeVarint(f.Value)
			for _, v := range []uint64{v, 0, 1} {
				all = append(all, edit{value, end, protowire.AppendVarint(nil, v), lengths})
			}
		case protowire.BytesType:
			all = append(all, edit{start + n, value, protowire.AppendVarint(nil, uint64(len(f.Value))), lengths})
			inside := append(slices.Clip(lengths), start+n)
			all = append(all, cuts(value, end, inside)...)
			if len(inside) < maxDepth {
				all = append(all, editsOf(f.Value, value, inside)...)
			}
		case protowire.StartGroupType:
			body, _ := protowire.ConsumeGroup(f.Num, f.Raw[n:])
			all = append(all, editsOf(body, start+n, lengths)...)
		}
	}
	end := at + len(message)
	return append(all, cuts(end-len(rest), end, lengths)...)
}

// cuts leave nothing of some bytes, or either half, or cut off an end.
func cuts(from, to int, lengths []int) []edit {
	if from == to {
		return nil
	}
	half := from + (to-from)/2
	return []edit{{from, to, nil, lengths}, {from, half, nil, lengths}, {half, to, nil, lengths},
		{from, from + 1, nil, lengths}, {to - 1, to, nil, lengths}}
}
