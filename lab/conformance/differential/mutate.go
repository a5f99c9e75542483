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
			if p.Guarantee == contract.MalformedFails {
				break
			}
			for _, drawn := range p.Draw(m.rnd) {
				m.seeds = append(m.seeds, drawn.Bytes)
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
	f, g := fields[m.rnd.Intn(len(fields))], fields[m.rnd.Intn(len(fields))]
	before, after := b[:f.Offset], b[f.Offset+len(f.Raw):]
	if isMessage(f) && !m.oneIn(4) {
		return slices.Concat(before, wire.Message{wire.Bytes(f.Num, m.message(f.Value))}.Encode(), after)
	}
	switch m.rnd.Intn(9) {
	case 0:
		return slices.Concat(before, after)
	case 1: // again, elsewhere
		return slices.Concat(b[:g.Offset], f.Raw, b[g.Offset:])
	case 2: // last
		return slices.Concat(before, after, f.Raw)
	case 3:
		return slices.Concat(before, m.other(), b[f.Offset:])
	case 4:
		return slices.Concat(b, m.other())
	}
	return slices.Concat(before, m.field(f), after)
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

// field changes one field, or puts it into a group.
func (m *Mutator) field(f wire.Field) []byte {
	tag, n := protowire.ConsumeVarint(f.Raw)
	head, value := f.Raw[:n], f.Raw[n:]
	other := m.other()
	otherTag, n := protowire.ConsumeVarint(other)
	n = max(n, 0)
	number, width := 1+uint64(m.rnd.Intn(22)), 2+m.rnd.Intn(11)
	if m.oneIn(8) {
		number |= 1 << (29 + 3*m.rnd.Intn(2))
	}
	switch m.rnd.Intn(8) {
	case 0: // the tag of another one
		f.Raw = slices.Concat(other[:n], value)
	case 1, 2: // the value of another one
		if otherTag&7 == tag&7 || m.oneIn(4) {
			f.Raw = slices.Concat(head, other[n:])
		}
	case 3: // another number
		f.Raw = slices.Concat(wire.WideVarint(number<<3|tag&7, 0), value)
	case 4: // a longer tag
		f.Raw = slices.Concat(wire.WideVarint(tag, width), value)
	case 5, 6: // a longer value or length, or another one
		v, size := protowire.ConsumeVarint(value)
		switch {
		case f.Type != protowire.VarintType && f.Type != protowire.BytesType:
		case m.oneIn(8):
			f.Raw = slices.Concat(head, protowire.AppendVarint(nil, v+1-uint64(2*m.rnd.Intn(2))), value[size:])
		default:
			v |= uint64(m.rnd.Intn(8)/7) << 32
			f.Raw = slices.Concat(head, wire.WideVarint(v, width), value[size:])
		}
	case 7:
		return m.group(f.Raw)
	}
	if m.oneIn(8) {
		return m.group(f.Raw)
	}
	return f.Raw
}

func (m *Mutator) group(b []byte) []byte {
	return wire.Message{wire.Group(protowire.Number(1+m.rnd.Intn(22)), wire.Raw(b))}.Encode()
}
