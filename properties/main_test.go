package properties

import (
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

func (d draws) Intn(n int) int { return rapid.IntRange(0, n-1).Draw(d.t, "choice") }
func (d draws) Uint64() uint64 { return rapid.Uint64().Draw(d.t, "bits") }

// drawn makes a rapid generator of one of package payload's.
func drawn[T any](generate func(payload.Rand) T) *rapid.Generator[T] {
	return rapid.Custom(func(t *rapid.T) T { return generate(draws{t}) })
}

// onEach runs a property on every decoder.
func onEach(t *testing.T, property func(*rapid.T, decoder.Decoder)) {
	for _, d := range verify.Decoders() {
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
