package grammar

import "shimfuzz/internal/contract"

// Property is a guarantee that holds for whatever is drawn.
type Property struct {
	Name      string
	Guarantee contract.Guarantee
	Draw      func(Rand) []Payload
}

// Properties are those of payloads that are drawn with their right answers: each row of the
// contract's table of equivalences alone, all of them together, and everything else.
func (g *Grammar) Properties() []Property {
	one := func(name string, guarantee contract.Guarantee, draw func(Rand) Payload) Property {
		return Property{name, guarantee, func(rnd Rand) []Payload { return []Payload{draw(rnd)} }}
	}
	list := []Property{g.equivalence("family", 0), g.equivalence("all", AllVariations)}
	for row := Variations(1); row&AllVariations != 0; row <<= 1 {
		list = append(list, g.equivalence(VariationNames[row], row))
	}
	return append(list,
		one("none", contract.Equivalent, func(rnd Rand) Payload {
			return g.Encode(rnd, AllVariations, Bootstrap, nil)
		}),
		one("valid", contract.AsSent, func(rnd Rand) Payload { return g.Valid(rnd, Ambient) }),
		// IDs from the names of the linked types, namespaces from those that are well-formed
		// protobuf: where random strings would never find the way in.
		one("identities", contract.NonInterference, func(rnd Rand) Payload {
			return g.Encode(rnd, Ambient|Neighbours, Bootstrap, g.Options(rnd))
		}),
		one("minimal", contract.AsSent, g.Minimal),
		one("foreign", contract.ForeignFails, g.Foreign),
		one("malformed", contract.MalformedFails, g.Malformed),
		one("free", contract.Equivalent, g.Free),
		one("framed", contract.MalformedFails, g.Framed))
}

// equivalence sends the same options plainly and with variations, in both families.
func (g *Grammar) equivalence(name string, rows Variations) Property {
	return Property{"equivalence/" + name, contract.Equivalent, func(rnd Rand) []Payload {
		opts := g.Options(rnd)
		return []Payload{g.Encode(rnd, 0, Legacy, opts), g.Encode(rnd, 0, Bootstrap, opts),
			g.Encode(rnd, rows, Legacy, opts), g.Encode(rnd, rows, Bootstrap, opts)}
	}}
}
