package properties

import (
	"testing"

	"pgregory.net/rapid"

	"shimfuzz/internal/contract"
	"shimfuzz/internal/payload"
	"shimfuzz/internal/verify"
)

// IDs from the names of the linked types, namespaces from those that are
// well-formed protobuf: where random strings would never find the way in.
func TestNonInterference(t *testing.T) {
	holds(t, contract.NonInterference, func(src payload.Source) payload.Payload {
		return payload.Bootstrap(src, payload.Ambient|payload.Neighbours, payload.Options(src))
	})
}

// Every linked type's name as an ID, and as a legacy type URL: one payload each
// of what a random draw might miss.
func TestEveryRegisteredName(t *testing.T) {
	names := payload.RegisteredNames()
	if len(names) < 100 {
		t.Errorf("only %d message types with legal names are linked: the real binary has some 200", len(names))
	}
	for _, d := range verify.Decoders {
		t.Run(d.Name, func(t *testing.T) {
			for _, name := range names {
				for _, namespace := range []string{"inference", "k8s.io", "p1"} {
					p := payload.Identified(name, namespace, payload.OneOption())
					verify.Run(t, d, verify.Check{Guarantee: contract.NonInterference, Payload: p})
				}
				if name == payload.OptionsName {
					continue
				}
				for _, value := range [][]byte{nil, {0x08, 1}, {0xff}} {
					verify.Run(t, d, verify.Check{Guarantee: contract.ForeignFails, Payload: payload.ForeignAs(name, value)})
				}
			}
		})
	}
}

// A foreign type gets the same answer whether or not its name is linked in.
func TestRegistryIndependence(t *testing.T) {
	pairs := drawn(func(src payload.Source) []payload.Payload {
		linked := payload.RegisteredNames()[1+src.Intn(len(payload.RegisteredNames())-1)]
		value := payload.ForeignValue(src)
		if linked == payload.OptionsName {
			linked = "google.protobuf.Empty"
		}
		// The other name has the same length and is linked nowhere.
		return []payload.Payload{payload.ForeignAs(linked, value), payload.ForeignAs("Q"+linked[1:], value)}
	})
	onEach(t, func(rt *rapid.T, d contract.Decoder) {
		pair := pairs.Draw(rt, "pair")
		linked, excusedLinked := verify.Run(rt, d, verify.Check{Guarantee: contract.RegistryIndependent, Payload: pair[0]})
		unlinked, excusedUnlinked := verify.Run(rt, d, verify.Check{Guarantee: contract.RegistryIndependent, Payload: pair[1]})
		if diff := contract.Differ(linked, unlinked, nil); diff != "" && !excusedLinked && !excusedUnlinked {
			rt.Fatalf("%v\n%s\n%s", contract.RegistryIndependent, diff, verify.Dump(pair[0].Bytes))
		}
	})
}
