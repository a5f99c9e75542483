package properties

import (
	"testing"

	"pgregory.net/rapid"

	"shimfuzz/internal/contract"
	"shimfuzz/internal/decoder"
	"shimfuzz/internal/grammar"
	"shimfuzz/internal/verify"
)

// Each row of the contract's table of equivalences alone, then all together.
// The same options are sent three ways: as a legacy Any and as a bootstrap
// extension that apply the variation, and plainly.
func TestEquivalence(t *testing.T) {
	for bit := grammar.Variations(1); bit&grammar.AllVariations != 0; bit <<= 1 {
		t.Run(grammar.VariationNames[bit], func(t *testing.T) { equivalent(t, bit) })
	}
	t.Run("family", func(t *testing.T) { equivalent(t, 0) })
	t.Run("all", func(t *testing.T) { equivalent(t, grammar.AllVariations) })
}

func equivalent(t *testing.T, rows grammar.Variations) {
	encodings := drawn(func(src grammar.Rand) []grammar.Payload {
		opts := grammar.RunHCS.Options(src)
		return []grammar.Payload{
			grammar.RunHCS.Legacy(src, 0, opts), grammar.RunHCS.Bootstrap(src, 0, opts),
			grammar.RunHCS.Legacy(src, rows, opts), grammar.RunHCS.Bootstrap(src, rows, opts),
		}
	})
	onEach(t, func(rt *rapid.T, d decoder.Decoder) {
		// Each is held to the options that were encoded, so to each other.
		for _, p := range encodings.Draw(rt, "encodings") {
			verify.Run(rt, d, verify.Check{Guarantee: contract.Equivalent, Payload: p})
		}
	})
}

// BootstrapParams without options give none, in every encoding.
func TestNone(t *testing.T) {
	holds(t, contract.Equivalent, func(src grammar.Rand) grammar.Payload {
		return grammar.RunHCS.Bootstrap(src, grammar.AllVariations, nil)
	})
}
