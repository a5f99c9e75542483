package properties

import (
	"slices"
	"testing"

	"shimfuzz/corpus"
	"shimfuzz/internal/contract"
	"shimfuzz/internal/grammar"
	"shimfuzz/internal/stdin"
	"shimfuzz/internal/verify"
)

func load(t testing.TB) []corpus.Case {
	t.Helper()
	cases, err := corpus.Load()
	if err != nil {
		t.Fatal(err)
	}
	return cases
}

// Every case of the corpus gets the answer that the index gives.
func TestCorpus(t *testing.T) {
	for _, d := range verify.Decoders() {
		t.Run(d.Name, func(t *testing.T) {
			for _, c := range load(t) {
				t.Run(c.Name, func(t *testing.T) {
					verify.Run(t, d, verify.Check{Guarantee: c.Guarantee, Payload: c.Payload, Reproduces: true})
				})
			}
		})
	}
}

// A payload cut anywhere is an error, unless what is left is a whole message.
// Which cuts those are is known from the fields of the uncut payload.
func TestTruncation(t *testing.T) {
	for _, d := range verify.Decoders() {
		t.Run(d.Name, func(t *testing.T) {
			for _, c := range casesFor(t, d.Input) {
				if c.Outcome != contract.Options || len(c.Payload.Bytes) > 2000 {
					continue
				}
				whole := stdin.Boundaries(c.Payload.Bytes)
				for cut := range c.Payload.Bytes {
					if slices.Contains(whole, cut) {
						continue
					}
					p := grammar.Payload{Bytes: c.Payload.Bytes[:cut], Want: contract.Outcome{Kind: contract.Malformed},
						Description: c.Payload.Description + ", cut"}
					verify.Run(t, d, verify.Check{Guarantee: contract.MalformedFails, Payload: p})
				}
			}
		})
	}
}
