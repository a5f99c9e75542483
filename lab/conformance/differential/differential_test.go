package differential

import (
	"bytes"
	"slices"
	"testing"

	"shimfuzz/corpus"
	"shimfuzz/internal/contract"
	"shimfuzz/internal/reference"
)

// Mutated payloads follow from the seed, and about half of them are well-formed.
func TestMutator(t *testing.T) {
	cases, err := corpus.Load()
	if err != nil {
		t.Fatal(err)
	}
	draw := func(seed int64) (all [][]byte) {
		m := NewMutator(seed, cases)
		for range 5000 {
			all = append(all, m.Next())
		}
		return all
	}
	one := draw(1)
	if !slices.EqualFunc(one, draw(1), bytes.Equal) {
		t.Error("the same seed makes other payloads")
	}
	if slices.EqualFunc(one, draw(2), bytes.Equal) {
		t.Error("two seeds make the same payloads")
	}
	wellFormed := 0
	for _, b := range one {
		if reference.Want(b).Kind != contract.Malformed {
			wellFormed++
		}
	}
	if wellFormed < len(one)*4/10 || wellFormed > len(one)*7/10 {
		t.Errorf("%d of %d payloads are well-formed", wellFormed, len(one))
	}
}
