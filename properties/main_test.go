package properties

import (
	"math/bits"
	"os"
	"testing"

	"pgregory.net/rapid"

	"shimfuzz/internal/contract"
	"shimfuzz/internal/decoder"
	"shimfuzz/internal/payload"
	"shimfuzz/internal/verify"
)

func TestMain(m *testing.M) { os.Exit(verify.Main(m.Run)) }

// draws makes a generator's choices with rapid, which shrinks them.
type draws struct{ t *rapid.T }

// Intn draws bit by bit: rapid's own ranges prefer small numbers so strongly that most of
// a long list is never drawn.
func (d draws) Intn(n int) int {
	v := 0
	for range bits.Len(uint(n - 1)) {
		v <<= 1
		if rapid.Bool().Draw(d.t, "choice") {
			v |= 1
		}
	}
	return v % n
}

func (d draws) Uint64() uint64 { return rapid.Uint64().Draw(d.t, "bits") }

// drawn makes a rapid generator of one of package payload's.
func drawn[T any](generate func(payload.Rand) T) *rapid.Generator[T] {
	return rapid.Custom(func(t *rapid.T) T { return generate(draws{t}) })
}

// onEach runs a property on every decoder.
func onEach(t *testing.T, property func(*rapid.T, decoder.Decoder)) {
	each(t, verify.Decoders(), property)
}

func each(t *testing.T, decoders []decoder.Decoder, property func(*rapid.T, decoder.Decoder)) {
	for _, d := range decoders {
		t.Run(d.Name, rapid.MakeCheck(func(rt *rapid.T) { property(rt, d) }))
	}
}

// holds checks a guarantee on payloads of one generator, with every decoder.
func holds(t *testing.T, g contract.Guarantee, generate func(payload.Rand) payload.Payload) {
	payloads := drawn(generate)
	onEach(t, func(rt *rapid.T, d decoder.Decoder) {
		verify.Run(rt, d, verify.Check{Guarantee: g, Payload: payloads.Draw(rt, "payload")})
	})
}
