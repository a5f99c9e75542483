package properties

import (
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"

	"shimfuzz/internal/contract"
	"shimfuzz/internal/decoder"
	"shimfuzz/internal/grammar"
	"shimfuzz/internal/verify"
)

// Every linked type's name as an ID, and as a legacy type URL: one payload each
// of what a random draw might miss.
func TestEveryRegisteredName(t *testing.T) {
	names := grammar.RegisteredNames()
	if len(names) < 100 {
		t.Errorf("only %d message types with legal names are linked: the real binary has some 200", len(names))
	}
	for _, d := range verify.Decoders() {
		t.Run(d.Name, func(t *testing.T) {
			for _, name := range names {
				for _, namespace := range []string{"inference", "k8s.io", "p1"} {
					p := grammar.WithIdentity(name, namespace, grammar.OneOption())
					verify.Run(t, d, verify.Check{Guarantee: contract.NonInterference, Payload: p})
				}
				if name == contract.OptionsName {
					continue
				}
				for _, value := range [][]byte{nil, {0x08, 1}, {0xff}} {
					verify.Run(t, d, verify.Check{Guarantee: contract.ForeignFails,
						Payload: grammar.RunHCS.ForeignAs(grammar.Lowest{}, 0, name, value)})
				}
			}
		})
	}
}

// A foreign type gets the same answer whether or not its name is linked in.
func TestRegistryIndependence(t *testing.T) {
	payloads := drawn(func(src grammar.Rand) grammar.Payload {
		name := grammar.RunHCS.ForeignName(src)
		if src.Intn(2) == 0 && len(name) > 0 {
			_, first := utf8.DecodeRuneInString(name) // of the same length, and linked nowhere
			name = strings.Repeat("Q", first) + name[first:]
		}
		return grammar.RunHCS.ForeignAs(grammar.Lowest{}, 0, name, grammar.RunHCS.ForeignValue(src))
	})
	onEach(t, func(rt *rapid.T, d decoder.Decoder) {
		p := payloads.Draw(rt, "payload")
		verify.Run(rt, d, verify.Check{Guarantee: contract.RegistryIndependent, Payload: p})
	})
}
