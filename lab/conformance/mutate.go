package conformance

import (
	"math/rand"
	"slices"

	"google.golang.org/protobuf/encoding/protowire"

	"shimfuzz/corpus"
	"shimfuzz/internal/contract"
	"shimfuzz/internal/grammar"
	"shimfuzz/internal/wire"
)

// mutator makes payloads of others. What it makes follows from its source of chance.
type mutator struct {
	rnd    *rand.Rand
	seeds  [][]byte // cases of the corpus, and what is drawn
	tokens [][]byte
}

// maxSeed is the size in bytes of the largest payload that is mutated, and four times
// that is the largest that becomes of it.
const maxSeed = 2 << 10

// newMutator returns a mutator of the small cases, and of as many drawn payloads.
func newMutator(seed int64, cases []corpus.Case) *mutator {
	m := &mutator{rnd: rand.New(rand.NewSource(seed)), seeds: corpus.Payloads(cases)}
	for _, p := range grammar.RunHCS.Properties() {
		for range 300 {
			for _, drawn := range p.Draw(m.rnd) {
				if p.Guarantee != contract.MalformedFails {
					m.seeds = append(m.seeds, drawn.Bytes)
				}
			}
		}
	}
	for _, c := range grammar.RunHCS.Contexts() {
		for _, t := range grammar.RunHCS.Tokens(c.Level) {
			if t.Kind == grammar.Sound {
				m.tokens = append(m.tokens, t.Bytes)
			}
		}
	}
	isLarge := func(b []byte) bool { return len(b) > maxSeed }
	m.seeds, m.tokens = slices.DeleteFunc(m.seeds, isLarge), slices.DeleteFunc(m.tokens, isLarge)
	return m
}

// next returns a payload with one to four mutations. Those of fields are in three of four
// payloads, because most of those of bytes break what they are in.
func (m *mutator) next() []byte {
	b := m.seed()
	mutate := m.mutate
	if m.oneIn(4) {
		mutate = func(b []byte) []byte { return grammar.Edit(m.rnd, b, m.seed) }
	}
	for range 1 + min(m.rnd.Intn(4), m.rnd.Intn(4)) {
		if next := mutate(b); len(next) <= 4*maxSeed {
			b = next
		}
	}
	return b
}

func (m *mutator) seed() []byte { return m.seeds[m.rnd.Intn(len(m.seeds))] }

func (m *mutator) oneIn(n int) bool { return m.rnd.Intn(n) == 0 }

// field draws a field from any depth of a payload.
func (m *mutator) field(payload []byte) (piece, bool) {
	fields := slices.DeleteFunc(piecesOf(payload, 0, nil), func(p piece) bool { return !p.isSound })
	if len(fields) == 0 {
		return piece{}, false
	}
	return fields[m.rnd.Intn(len(fields))], true
}

// other draws a token of the grammar, or a field of this payload or of another one.
func (m *mutator) other(payload []byte) []byte {
	if m.oneIn(2) {
		return m.tokens[m.rnd.Intn(len(m.tokens))]
	}
	if m.oneIn(2) {
		payload = m.seed()
	}
	f, _ := m.field(payload)
	return f.Raw
}

// mutate changes a field, or what stands beside it.
func (m *mutator) mutate(b []byte) []byte {
	f, found := m.field(b)
	other := m.other(b)
	if !found {
		return slices.Concat(other, b)
	}
	tag, _ := protowire.ConsumeVarint(f.Raw)
	head, value := f.Raw[:f.tag], f.Raw[f.tag:]
	otherTag, n := protowire.ConsumeVarint(other)
	otherHead, otherValue := other[:max(0, n)], other[max(0, n):]
	with := func(pieces ...[]byte) []byte {
		return edit{f.Offset, f.end(), slices.Concat(pieces...), f.lengths}.of(b)
	}
	switch m.rnd.Intn(12) {
	case 0:
		return with()
	case 1:
		return with(other, f.Raw)
	case 2:
		return with(f.Raw, other)
	case 3: // the tag of another one
		return with(otherHead, value)
	case 4, 5: // the value of another one
		if otherTag&7 == tag&7 || m.oneIn(4) {
			return with(head, otherValue)
		}
	case 6: // another number
		number := 1 + uint64(m.rnd.Intn(22))
		if m.oneIn(8) {
			number |= 1 << (29 + 3*m.rnd.Intn(2))
		}
		return with(wire.WideVarint(number<<3|tag&7, 0), value)
	case 7: // a longer tag
		return with(wire.WideVarint(tag, 2+m.rnd.Intn(11)), value)
	case 8, 9, 10: // another varint, or length, or the same in more bytes
		if f.Type != protowire.VarintType && f.Type != protowire.BytesType {
			break
		}
		v, size := protowire.ConsumeVarint(value)
		if m.oneIn(8) {
			return with(head, protowire.AppendVarint(nil, v+1-uint64(2*m.rnd.Intn(2))), value[size:])
		}
		v |= uint64(m.rnd.Intn(8)/7) << 32
		return with(head, wire.WideVarint(v, 2+m.rnd.Intn(11)), value[size:])
	case 11: // within a group
		group := wire.Group(protowire.Number(1+m.rnd.Intn(22)), wire.Raw(f.Raw))
		return with(group.Append(nil))
	}
	return b
}
