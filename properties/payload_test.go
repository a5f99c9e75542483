package properties

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"shimfuzz/corpus"
	"shimfuzz/internal/contract"
	"shimfuzz/internal/decoder"
	"shimfuzz/internal/payload"
	"shimfuzz/internal/reference"
	"shimfuzz/internal/verify"
)

// The generators know every field of the Options under test. One of a new kind is
// never drawn: teach internal/payload/options.go to draw it.
func TestEveryFieldIsDrawn(t *testing.T) {
	if names := payload.RunHCS.UndrawnFields(); len(names) > 0 {
		t.Errorf("no generator draws these fields of Options: %s", strings.Join(names, ", "))
	}
}

// Payloads as a standard encoder writes them.
func TestValid(t *testing.T) {
	holds(t, contract.AsSent, func(src payload.Rand) payload.Payload { return payload.RunHCS.Valid(src, payload.Ambient) })
}

func TestMinimal(t *testing.T) { holds(t, contract.AsSent, payload.RunHCS.Minimal) }

func TestForeign(t *testing.T) { holds(t, contract.ForeignFails, payload.RunHCS.Foreign) }

func TestMalformed(t *testing.T) { holds(t, contract.MalformedFails, payload.RunHCS.Malformed) }

// What a reader may refuse it either refuses or reads (docs/contract.md, Freedoms).
func TestFree(t *testing.T) { holds(t, contract.Equivalent, payload.RunHCS.Free) }

func TestFramed(t *testing.T) { holds(t, contract.MalformedFails, payload.RunHCS.Framed) }

// Any bytes at all: random ones, and cases of the corpus with bytes changed,
// cut out, doubled or joined. The reference says what is right.
func TestAnyBytes(t *testing.T) {
	cases := load(t)
	onEach(t, func(rt *rapid.T, d decoder.Decoder) {
		b := anyBytes(cases).Draw(rt, "bytes")
		p := payload.Payload{Bytes: b, Want: reference.Want(b), Description: "any bytes"}
		verify.Run(rt, d, verify.Check{Guarantee: contract.GuaranteeOf(p.Want.Kind), Payload: p})
	})
}

func anyBytes(cases []corpus.Case) *rapid.Generator[[]byte] {
	return rapid.Custom(func(t *rapid.T) []byte {
		if rapid.IntRange(0, 9).Draw(t, "random") == 0 {
			return rapid.SliceOf(rapid.Byte()).Draw(t, "bytes")
		}
		one := rapid.Custom(func(t *rapid.T) []byte { return rapid.SampledFrom(cases).Draw(t, "case").Payload.Bytes })
		b := append([]byte{}, one.Draw(t, "case")...)
		for range rapid.IntRange(0, 3).Draw(t, "changes") {
			at := rapid.IntRange(0, len(b)).Draw(t, "at")
			to := rapid.IntRange(at, len(b)).Draw(t, "to")
			switch rapid.IntRange(0, 4).Draw(t, "change") {
			case 0:
				b = append(b[:at:at], b[to:]...) // cut out
			case 1:
				b = append(b[:to:to], b[at:]...) // doubled
			case 2:
				b = append(b, one.Draw(t, "case")...) // joined
			case 3:
				if at < len(b) {
					b[at] = rapid.Byte().Draw(t, "byte")
				}
			case 4:
				if at < len(b) {
					b[at] ^= 1 << rapid.IntRange(0, 7).Draw(t, "bit")
				}
			}
		}
		return b
	})
}
