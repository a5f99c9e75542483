package differential

import (
	"bytes"
	"math"
	"math/rand"
	"slices"

	"google.golang.org/protobuf/encoding/protowire"

	"shimfuzz/corpus"
	"shimfuzz/internal/contract"
	"shimfuzz/internal/grammar"
	"shimfuzz/internal/wire"
)

// maxSeed is the size in bytes of the largest case that is mutated, and four times that
// is the largest payload that becomes of it.
const maxSeed = 2 << 10

// mutator makes payloads of others. What it makes follows from its source of chance.
type mutator struct {
	rnd      *rand.Rand
	cases    [][]byte // of the corpus
	drawn    [][]byte
	elements []grammar.Token
	texts    []string
	numbers  []uint64
}

func newMutator(seed int64, cases []corpus.Case) *mutator {
	m := &mutator{rnd: rand.New(rand.NewSource(seed))}
	for _, c := range cases {
		if c.Size <= maxSeed {
			m.cases = append(m.cases, c.Payload.Bytes)
		}
	}
	v := grammar.RunHCS
	for _, l := range []grammar.Level{grammar.Top, grammar.Extension, grammar.Any, grammar.Options,
		grammar.Entry, grammar.Group} {
		for _, e := range v.Tokens(l) {
			if e.Kind == grammar.Sound && len(e.Bytes) <= maxSeed {
				m.elements = append(m.elements, e)
			}
		}
	}
	m.texts = slices.Concat(grammar.Texts, grammar.Identifiers, grammar.NotIdentifiers, grammar.Namespaces,
		grammar.Addresses,
		v.OtherNames(), []string{contract.OptionsName})
	for _, n := range v.NearNames() {
		m.texts = append(m.texts, n.URL)
	}
	for _, p := range grammar.Prefixes {
		m.texts = append(m.texts, p+contract.OptionsName)
	}
	for _, t := range grammar.NotUTF8 {
		m.texts = append(m.texts, t.Text)
	}
	m.numbers = []uint64{1<<29 - 1, 1 << 29, 1<<32 - 1, 1 << 32, math.MaxUint64}
	for _, n := range grammar.Int32s {
		m.numbers = append(m.numbers, uint64(n), uint64(uint32(n)))
	}
	for _, n := range grammar.LogLevels {
		m.numbers = append(m.numbers, uint64(n))
	}
	return m
}

// next returns a payload with one to four mutations. Those of fields are in three of four
// payloads, because most of those of bytes break what they are in.
func (m *mutator) next() []byte {
	b := m.seed()
	mutate := m.message
	if m.oneIn(4) {
		mutate = m.bytes
	}
	for range 1 + min(m.rnd.Intn(4), m.rnd.Intn(4)) {
		if next := mutate(b); len(next) <= 4*maxSeed {
			b = next
		}
	}
	return b
}

// seed returns a case of the corpus, or what a generator has drawn: a new payload each
// eighth time, which others are made of later, because drawing takes long.
func (m *mutator) seed() []byte {
	const most = 4000
	if m.oneIn(3) {
		return m.cases[m.rnd.Intn(len(m.cases))]
	}
	if len(m.drawn) > 0 && !m.oneIn(8) {
		return m.drawn[m.rnd.Intn(len(m.drawn))]
	}
	b := m.draw().Bytes
	for len(b) > maxSeed {
		b = m.draw().Bytes
	}
	if len(m.drawn) < most {
		m.drawn = append(m.drawn, b)
	} else {
		m.drawn[m.rnd.Intn(most)] = b
	}
	return b
}

func (m *mutator) draw() grammar.Payload {
	g := grammar.RunHCS
	switch m.rnd.Intn(8) {
	case 0, 1:
		return g.Legacy(m.rnd, 0, g.Options(m.rnd))
	case 2, 3:
		return g.Bootstrap(m.rnd, 0, g.Options(m.rnd))
	case 4:
		return g.Minimal(m.rnd)
	case 5:
		return g.Foreign(m.rnd)
	case 6:
		return g.Free(m.rnd)
	}
	return g.Valid(m.rnd, grammar.AllVariations)
}

func (m *mutator) oneIn(n int) bool { return m.rnd.Intn(n) == 0 }

// bytes changes a payload without a look at what it is.
func (m *mutator) bytes(b []byte) []byte {
	at := m.rnd.Intn(len(b) + 1)
	to := min(len(b), at+1+m.rnd.Intn(8))
	interesting := []byte{0, 1, 0x7f, 0x80, 0xff, 0x0a, 0x12, 0x42, 0xc0, 0xf4}
	random := []byte{byte(m.rnd.Intn(256))}
	switch m.rnd.Intn(8) {
	case 0:
		if at < len(b) {
			random[0] = b[at] ^ 1<<m.rnd.Intn(8)
		}
		return slices.Concat(b[:at], random, b[min(at+1, len(b)):])
	case 1:
		return slices.Concat(b[:at], random, b[at:])
	case 2:
		return slices.Concat(b[:at], b[to:])
	case 3:
		return slices.Concat(b[:to], b[at:])
	case 4:
		other := m.seed()
		return slices.Concat(b[:at], other[m.rnd.Intn(len(other)+1):])
	case 5:
		return bytes.Clone(b[:at])
	case 6:
		return slices.Concat(b[:at], wire.WideVarint(m.number(), m.rnd.Intn(12)), b[at:])
	}
	return slices.Concat(b[:at], interesting[m.rnd.Intn(len(interesting)):][:1], b[min(at+1, len(b)):])
}

func (m *mutator) number() uint64 { return m.numbers[m.rnd.Intn(len(m.numbers))] }

// message changes a field of a message, or of one in it.
func (m *mutator) message(b []byte) []byte { return m.within(b, b) }

// within changes a field of a message in a payload.
func (m *mutator) within(b, payload []byte) []byte {
	fields, rest := wire.Parse(b)
	if len(fields) == 0 {
		return slices.Concat(m.other(payload), b)
	}
	i := m.rnd.Intn(len(fields))
	f := fields[i]
	with := func(piece []byte) []byte { return slices.Concat(b[:f.Offset], piece, b[f.Offset+len(f.Raw):]) }
	if body, ok := inner(f); ok && !m.oneIn(4) {
		return with(reencode(f, m.within(body, payload)))
	}
	g := fields[m.rnd.Intn(len(fields))]
	switch m.rnd.Intn(9) {
	case 0:
		return with(nil)
	case 1:
		return slices.Concat(b[:g.Offset], f.Raw, b[g.Offset:])
	case 2:
		if g.Offset < f.Offset {
			f, g = g, f
		}
		between := b[min(f.Offset+len(f.Raw), g.Offset):g.Offset]
		if f.Offset == g.Offset {
			return with(slices.Concat(f.Raw, f.Raw))
		}
		return slices.Concat(b[:f.Offset], g.Raw, between, f.Raw, b[g.Offset+len(g.Raw):])
	case 3:
		return slices.Concat(b[:g.Offset], m.other(payload), b[g.Offset:])
	case 4:
		return slices.Concat(b[:len(b)-len(rest)], m.other(payload), rest)
	}
	return with(m.field(f))
}

// inner returns the body of a field that holds a message, by its looks.
func inner(f wire.Field) (body []byte, ok bool) {
	if f.Type != protowire.BytesType || len(f.Value) == 0 {
		return nil, false
	}
	_, rest := wire.Parse(f.Value)
	return f.Value, len(rest) == 0
}

// reencode returns a length-delimited field with another value.
func reencode(f wire.Field, value []byte) []byte {
	return wire.Message{wire.Bytes(f.Num, value)}.Encode()
}

// other returns a field from any level of the payload or of another one, or a token of
// the grammar.
func (m *mutator) other(b []byte) []byte {
	switch m.rnd.Intn(3) {
	case 0:
		return m.elements[m.rnd.Intn(len(m.elements))].Bytes
	case 1:
		b = m.seed()
	}
	for {
		fields, _ := wire.Parse(b)
		if len(fields) == 0 {
			return nil
		}
		f := fields[m.rnd.Intn(len(fields))]
		body, ok := inner(f)
		if !ok || m.oneIn(3) {
			return f.Raw
		}
		b = body
	}
}

// field changes one field.
func (m *mutator) field(f wire.Field) []byte {
	tag, n := protowire.ConsumeVarint(f.Raw)
	value := f.Raw[n:]
	isBytes := f.Type == protowire.BytesType
	switch m.rnd.Intn(6) {
	case 0: // another number
		num := uint64(1 + m.rnd.Intn(22))
		if m.oneIn(8) {
			num = m.number() & (1<<61 - 1)
		}
		if f.Type == protowire.StartGroupType {
			return wire.Message{wire.Group(protowire.Number(1+num%1000), wire.Raw(f.Raw))}.Encode()
		}
		return append(wire.WideVarint(num<<3|tag&7, 0), value...)
	case 1: // another wire type, with a value of that or with the one that it has
		if m.oneIn(4) {
			return append(wire.WideVarint(tag&^7|uint64(m.rnd.Intn(8)), 0), value...)
		}
		return wire.Message{m.part(f.Num)}.Encode()
	case 2: // a wider varint
		width := 2 + m.rnd.Intn(10)
		if m.oneIn(2) || f.Type != protowire.VarintType && !isBytes {
			if f.Type != protowire.StartGroupType {
				return append(wire.WideVarint(tag, width), value...)
			}
			body, _ := protowire.ConsumeGroup(f.Num, value)
			return wire.Message{wire.Group(f.Num, wire.Raw(body)).WideTag(width)}.Encode()
		}
		if isBytes {
			return wire.Message{wire.Bytes(f.Num, f.Value).Wide(width)}.Encode()
		}
		v, _ := protowire.ConsumeVarint(value)
		return wire.Message{wire.Varint(f.Num, v).Wide(width)}.Encode()
	case 3: // a length that is one off
		if isBytes && m.oneIn(3) {
			length := max(0, len(f.Value)+2*m.rnd.Intn(2)-1)
			return slices.Concat(f.Raw[:n], protowire.AppendVarint(nil, uint64(length)), f.Value)
		}
	case 4:
		num := protowire.Number(1 + m.rnd.Intn(22))
		return wire.Message{wire.Group(num, wire.Raw(f.Raw))}.Encode()
	}
	if isBytes {
		return reencode(f, []byte(m.texts[m.rnd.Intn(len(m.texts))]))
	}
	return wire.Message{wire.Varint(f.Num, m.number())}.Encode()
}

// part returns a field of any wire type.
func (m *mutator) part(num protowire.Number) wire.Part {
	switch m.rnd.Intn(5) {
	case 0:
		return wire.Varint(num, m.number())
	case 1:
		return wire.Fixed32(num, uint32(m.number()))
	case 2:
		return wire.Fixed64(num, m.number())
	case 3:
		return wire.Group(num, wire.Raw(m.elements[m.rnd.Intn(len(m.elements))].Bytes))
	}
	return wire.String(num, m.texts[m.rnd.Intn(len(m.texts))])
}
