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

// What is drawn keeps its guarantee. Payloads that are drawn together are each held to the
// options that were encoded, so to each other.
func TestDrawn(t *testing.T) {
	for _, p := range grammar.RunHCS.Properties() {
		t.Run(p.Name, func(t *testing.T) {
			t.Parallel()
			payloads := drawn(p.Draw)
			onEach(t, func(rt *rapid.T, d decoder.Decoder) {
				for _, payload := range payloads.Draw(rt, "payloads") {
					verify.Run(rt, d, verify.Check{Guarantee: p.Guarantee, Payload: payload})
				}
			})
		})
	}
}

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
