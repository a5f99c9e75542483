package properties

import (
	"testing"

	"shimfuzz/corpus"
	"shimfuzz/internal/decoder"
	"shimfuzz/internal/findings"
	"shimfuzz/internal/verify"
)

func byName(t *testing.T) map[string]corpus.Case {
	cases := make(map[string]corpus.Case)
	for _, c := range load(t) {
		cases[c.Name] = c
	}
	return cases
}

// Every finding of the hcsshim under test reproduces on its own case. Without
// excuses (FINDINGS=none) each of them fails here, by its name.
func TestFindings(t *testing.T) {
	cases := byName(t)
	for _, f := range verify.Known().Findings {
		t.Run(f.Name, func(t *testing.T) { reproduces(t, verify.UnderTest(), f, cases) })
	}
	for _, d := range verify.Creates() {
		known, _ := verify.FindingsOf(d)
		for _, f := range known.Findings {
			t.Run(f.Name+" in "+d.Name, func(t *testing.T) { reproduces(t, d, f, cases) })
		}
	}
}

func reproduces(t *testing.T, d decoder.Decoder, f *findings.Finding, cases map[string]corpus.Case) {
	t.Helper()
	known, _ := verify.FindingsOf(d)
	place, _ := f.In(known.Program)
	c, ok := cases[place.Case]
	if !ok {
		t.Fatalf("the finding's case %s is not in the corpus", place.Case)
	}
	p := verify.For(d, c.Payload)
	if by, _ := known.Predict(p.Bytes, p.Want); by == nil || by.Name != f.Name {
		t.Fatalf("the finding does not affect its own case %s", place.Case)
	}
	verify.Run(t, d, verify.Check{Guarantee: f.Breaks, Payload: p, Reproduces: true})
}
