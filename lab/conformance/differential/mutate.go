// Package differential makes payloads by mutation, which show what protobuf engines do wrong.
package differential

import (
	"math/rand"
	"slices"

	"google.golang.org/protobuf/encoding/protowire"

	"shimfuzz/corpus"
	"shimfuzz/internal/contract"
	"shimfuzz/internal/grammar"
	"shimfuzz/internal/wire"
)

// Mutator makes payloads of others. What it makes follows from its source of chance.
type Mutator struct {
	rnd    *rand.Rand
	seeds  [][]byte // cases of the corpus, and what is drawn
	tokens [][]byte
}

// maxSeed is the size in bytes of the largest payload that is mutated, and four times
// that is the largest that becomes of it.
const maxSeed = 2 << 10

// NewMutator returns a mutator of the small cases, and of as many drawn payloads.
func NewMutator(seed int64, cases []corpus.Case) *Mutator {
	m := &Mutator{rnd: rand.New(rand.NewSource(seed)), seeds: corpus.Payloads(cases)}
	for _, p := range grammar.RunHCS.Properties() {
		for range 300 {
			for _, drawn := range p.Draw(m.rnd) {
				if p.Guarantee != contract.MalformedFails {
					m.seeds = append(m.seeds, drawn.Bytes)
				}
			}
		}
	}
	m.seeds = slices.DeleteFunc(m.seeds, func(b []byte) bool { return len(b) > maxSeed })
	for _, c := range grammar.RunHCS.Contexts() {
		for _, t := range grammar.RunHCS.Tokens(c.Level) {
			if t.Kind == grammar.Sound && len(t.Bytes) <= maxSeed {
				m.tokens = append(m.tokens, t.Bytes)
			}
		}
	}
	return m
}

// Next returns a payload with one to four mutations. Those of fields are in three of four
// payloads, because most of those of bytes break what they are in.
func (m *Mutator) Next() []byte {
	b := m.seed()
	mutate := m.message
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

func (m *Mutator) seed() []byte { return m.seeds[m.rnd.Intn(len(m.seeds))] }

func (m *Mutator) oneIn(n int) bool { return m.rnd.Intn(n) == 0 }

// message changes a field of a message, or of one in it.
func (m *Mutator) message(b []byte) []byte {
	fields, _ := wire.Parse(b)
	if len(fields) == 0 {
		return slices.Concat(m.other(), b)
	}
	f, elsewhere := fields[m.rnd.Intn(len(fields))], fields[m.rnd.Intn(len(fields))].Offset
	before, after := b[:f.Offset], b[f.Offset+len(f.Raw):]
	if isMessage(f) && !m.oneIn(4) {
		return slices.Concat(before, wire.Message{wire.Bytes(f.Num, m.message(f.Value))}.Encode(), after)
	}
	tag, n := protowire.ConsumeVarint(f.Raw)
	head, value := f.Raw[:n], f.Raw[n:]
	other := m.other()
	otherTag, otherHead := protowire.ConsumeVarint(other)
	otherHead = max(otherHead, 0)
	switch m.rnd.Intn(14) {
	case 0:
		return slices.Concat(before, after)
	case 1: // again, elsewhere
		return slices.Concat(b[:elsewhere], f.Raw, b[elsewhere:])
	case 2: // last
		return slices.Concat(before, after, f.Raw)
	case 3:
		return slices.Concat(before, other, b[f.Offset:])
	case 4:
		return slices.Concat(b, other)
	case 5: // the tag of another one
		head = other[:otherHead]
	case 6, 7: // the value of another one
		if otherTag&7 == tag&7 || m.oneIn(4) {
			value = other[otherHead:]
		}
	case 8: // another number
		number := 1 + uint64(m.rnd.Intn(22))
		if m.oneIn(8) {
			number |= 1 << (29 + 3*m.rnd.Intn(2))
		}
		head = wire.WideVarint(number<<3|tag&7, 0)
	case 9, 10: // a longer tag
		head = wire.WideVarint(tag, 2+m.rnd.Intn(11))
	case 11, 12:
		value = m.value(f.Type, value)
	case 13: // within a group
		group := wire.Group(protowire.Number(1+m.rnd.Intn(22)), wire.Raw(f.Raw))
		return slices.Concat(before, wire.Message{group}.Encode(), after)
	}
	return slices.Concat(before, head, value, after)
}

// value writes a varint, or a length, in more bytes, or another one.
func (m *Mutator) value(typ protowire.Type, b []byte) []byte {
	if typ != protowire.VarintType && typ != protowire.BytesType {
		return b
	}
	v, size := protowire.ConsumeVarint(b)
	if m.oneIn(8) {
		return slices.Concat(protowire.AppendVarint(nil, v+1-uint64(2*m.rnd.Intn(2))), b[size:])
	}
	v |= uint64(m.rnd.Intn(8)/7) << 32
	return slices.Concat(wire.WideVarint(v, 2+m.rnd.Intn(11)), b[size:])
}

// isMessage reports whether a field holds a message, by its looks.
func isMessage(f wire.Field) bool {
	_, rest := wire.Parse(f.Value)
	return f.Type == protowire.BytesType && len(f.Value) > 0 && len(rest) == 0
}

// other returns a token of the grammar, or a field from any level of another payload.
func (m *Mutator) other() []byte {
	b := m.tokens[m.rnd.Intn(len(m.tokens))]
	if m.oneIn(2) {
		b = m.seed()
	}
	for {
		fields, _ := wire.Parse(b)
		if len(fields) == 0 {
			return b
		}
		f := fields[m.rnd.Intn(len(fields))]
		if !isMessage(f) || m.oneIn(3) {
			return f.Raw
		}
		b = f.Value
	}
}
