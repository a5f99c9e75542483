package properties

import (
	"testing"

	"pgregory.net/rapid"

	"shimfuzz/corpus"
	"shimfuzz/internal/contract"
	"shimfuzz/internal/decoder"
	"shimfuzz/internal/grammar"
	"shimfuzz/internal/reference"
	"shimfuzz/internal/verify"
)

// The generators know every field of the Options under test. One of a new kind is
// never drawn: teach internal/grammar to draw it.
func TestEveryFieldIsDrawn(t *testing.T) {
	for _, fd := range grammar.RunHCS.UnsetFields() {
		t.Errorf("no generator draws this field of Options: %s (%s %s)", fd.Name(), fd.Cardinality(), fd.Kind())
	}
}

// Payloads as a standard encoder writes them.
func TestValid(t *testing.T) {
	holds(t, contract.AsSent, func(src grammar.Rand) grammar.Payload {
		return grammar.RunHCS.Valid(src,
			grammar.Ambient)
	})
}

func TestMinimal(t *testing.T) { holds(t, contract.AsSent, grammar.RunHCS.Minimal) }

func TestForeign(t *testing.T) { holds(t, contract.ForeignFails, grammar.RunHCS.Foreign) }

func TestMalformed(t *testing.T) { holds(t, contract.MalformedFails, grammar.RunHCS.Malformed) }

// What a reader may refuse it either refuses or reads (docs/contract.md, Freedoms).
func TestFree(t *testing.T) { holds(t, contract.Equivalent, grammar.RunHCS.Free) }

func TestFramed(t *testing.T) { holds(t, contract.MalformedFails, grammar.RunHCS.Framed) }

// Any bytes at all: random ones, and cases of the corpus with bytes changed,
// cut out, doubled or joined. The reference says what is right.
func TestAnyBytes(t *testing.T) {
	payloads := corpus.Payloads(load(t))
	bytes := drawn(func(src grammar.Rand) []byte { return grammar.Changed(src, payloads) })
	onEach(t, func(rt *rapid.T, d decoder.Decoder) {
		b := bytes.Draw(rt, "bytes")
		p := grammar.Payload{Bytes: b, Want: reference.Want(b), Description: "any bytes"}
		verify.Run(rt, d, verify.Check{Guarantee: contract.GuaranteeOf(p.Want.Kind), Payload: p})
	})
}
