package properties

import (
	"slices"
	"testing"

	"shimfuzz/corpus"
	"shimfuzz/internal/contract"
	"shimfuzz/internal/grammar"
	"shimfuzz/internal/verify"
	"shimfuzz/internal/wire"
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
			cases := load(t)
			// The first of a cause, which is shown in full, is the shortest one.
			slices.SortStableFunc(cases, func(a, b corpus.Case) int { return a.Size - b.Size })
			for _, c := range cases {
				t.Run(c.Name, func(t *testing.T) {
					verify.Run(t, d, verify.Check{Guarantee: c.Guarantee, Payload: c.Payload, Reproduces: true})
				})
			}
		})
	}
}

// A payload cut anywhere is an error, unless what is left is a whole message.
func TestTruncation(t *testing.T) {
	for _, d := range verify.Decoders() {
		t.Run(d.Name, func(t *testing.T) {
			for _, c := range casesFor(t, d.Input) {
				if c.Outcome != contract.Options || len(c.Payload.Bytes) > 2000 {
					continue
				}
				for cut := range c.Payload.Bytes {
					if _, rest := wire.Parse(c.Payload.Bytes[:cut]); len(rest) == 0 {
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
