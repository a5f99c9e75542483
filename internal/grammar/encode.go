package grammar

import (
	"maps"
	"slices"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"shimfuzz/internal/wire"
)

// Variations is a set of the equivalences of docs/contract.md, each a way to vary
// an encoding without changing its meaning.
type Variations uint

// The variations. Family is not among them because it is the choice between Legacy
// and Bootstrap, and chunking because it is a matter of the reader.
const (
	Ambient    Variations = 1 << iota // any legal ID, namespace, level, address, …
	Neighbours                        // extensions of other types before and after ours
	URL                               // any prefix of the type URL
	Order                             // fields and map entries in any order
	Varint                            // varints wider than needed
	Repeat                            // scalars several times, messages in pieces
	Default                           // explicit zero values, incomplete map entries
	Unknown                           // unknown fields of every wire type
)

// AllVariations is every variation at once.
const AllVariations = Ambient | Neighbours | URL | Order | Varint | Repeat | Default | Unknown

// VariationNames gives each row its name in the contract.
var VariationNames = map[Variations]string{
	Ambient: "ambient", Neighbours: "neighbours", URL: "url", Order: "order",
	Varint: "varint", Repeat: "repeat", Default: "default", Unknown: "unknown",
}

// encoder writes messages with its variations, and damages the
// message of one level if it is told to.
type encoder struct {
	g          *Grammar
	rnd        Rand
	variations Variations
	level      Level
	damage     func(Rand, []byte) []byte // of the body of its message; nil: none
	free       []byte                    // of the buffer that messages are written to
}

func (g *Grammar) encoder(rnd Rand, variations Variations) *encoder {
	return &encoder{g: g, rnd: rnd, variations: variations}
}

// has draws whether the encoder applies a variation here.
func (e *encoder) has(row Variations) bool {
	return e.variations&row != 0 && e.rnd.Intn(3) >= e.g.plain
}

// keyed is a part that must stay behind earlier parts of the same key.
type keyed struct {
	wire.Part
	key int // the field's number, or one that no other field has
}

// Keys of what is no field of its own.
const (
	unknownKey = -1 - iota*1_000_000 // and below
	othersKey
	entryKey // and below
)

func field(p wire.Part) keyed { return keyed{p, int(p.Num())} }

// assemble arranges the parts of a message, adds unknown fields, encodes, and
// does the damage if this is the level for it.
func (e *encoder) assemble(level Level, parts []keyed) []byte {
	if e.has(Unknown) {
		for i := range 1 + e.rnd.Intn(3) {
			at := e.rnd.Intn(len(parts) + 1)
			unknown := wire.Raw(pick(e.rnd, e.g.levels()[level].unknown).Bytes)
			parts = slices.Insert(parts, at, keyed{unknown, unknownKey - i})
		}
	}
	if e.has(Order) {
		parts = e.shuffle(parts)
	}
	if e.free == nil {
		e.free = make([]byte, 0, 1024)
	}
	body := e.free
	for _, p := range parts {
		body = e.widen(p.Part).Append(body)
	}
	e.free = body[len(body):]
	if e.damage != nil && level == e.level {
		return e.damage(e.rnd, body)
	}
	return slices.Clip(body)
}

// shuffle permutes the parts but keeps those of one key in their order.
func (e *encoder) shuffle(parts []keyed) []keyed {
	out := slices.Clone(parts)
	for i := len(out) - 1; i > 0; i-- {
		j := e.rnd.Intn(i + 1)
		out[i], out[j] = out[j], out[i]
	}
	next := make(map[int]int) // by key, where to look for it
	for i, p := range out {
		from := next[p.key]
		from += slices.IndexFunc(parts[from:], func(o keyed) bool { return o.key == p.key })
		out[i], next[p.key] = parts[from], from+1
	}
	return out
}

// The widest encodings that every reader accepts, in bytes.
const (
	widestTag   = 5 // and length
	widestValue = 10
)

// widen writes tag, length and value in more bytes than needed.
func (e *encoder) widen(p wire.Part) wire.Part {
	if e.variations&Varint == 0 {
		return p
	}
	if oneIn(e.rnd, 3) {
		widest := widestTag
		if p.Type() == protowire.VarintType {
			widest = widestValue
		}
		p = p.Wide(e.rnd.Intn(widest + 1))
	}
	if oneIn(e.rnd, 3) {
		p = p.WideTag(e.rnd.Intn(widestTag + 1))
	}
	return p
}

// options encodes the Options message.
func (e *encoder) options(want proto.Message) []byte {
	m := want.ProtoReflect()
	parts := make([]keyed, 0, len(e.g.options)+8)
	for _, o := range e.g.options {
		if o.IsMap() {
			parts = e.mapEntries(parts, o.num, m.Get(o.FieldDescriptor).Map())
		} else if m.Has(o.FieldDescriptor) || !o.presence && e.has(Default) {
			parts = e.singular(parts, o, m.Get(o.FieldDescriptor))
		}
	}
	if rest := e.g.others(want); len(rest) > 0 {
		parts = append(parts, keyed{wire.Raw(rest), othersKey})
	}
	return e.assemble(Options, parts)
}

// others encodes the fields that are not drawn, which a fuzzer may have set.
func (g *Grammar) others(m proto.Message) []byte {
	if len(g.unset) == 0 {
		return nil
	}
	m = proto.Clone(m)
	for _, o := range g.options {
		m.ProtoReflect().Clear(o.FieldDescriptor)
	}
	b, err := proto.Marshal(m)
	if err != nil {
		return nil // not UTF-8, so it was not decoded from a payload
	}
	return b
}

// singular appends the encoding of one scalar field, or, if it is unset, of an explicit zero.
func (e *encoder) singular(parts []keyed, o option, v protoreflect.Value) []keyed {
	if e.has(Repeat) {
		for range 1 + e.rnd.Intn(2) {
			parts = append(parts, field(e.scalarPart(o.num, o.kind, e.g.scalar(e.rnd, o.kind))))
		}
	}
	return append(parts, field(e.scalarPart(o.num, o.kind, v)))
}

func (e *encoder) mapEntries(parts []keyed, num protowire.Number, entries protoreflect.Map) []keyed {
	values := make(map[string]string, entries.Len())
	for k, v := range entries.Range {
		values[k.String()] = v.String()
	}
	// sorted, so that the encoding depends on the source alone
	for i, k := range slices.Sorted(maps.Keys(values)) {
		add := func(v string) { parts = append(parts, keyed{e.mapEntry(num, k, v), entryKey - i}) }
		if e.has(Repeat) {
			add(e.g.text(e.rnd))
		}
		add(values[k])
	}
	return parts
}

func (e *encoder) mapEntry(num protowire.Number, k, v string) wire.Part {
	parts := make([]keyed, 0, 8)
	for i, s := range []string{k, v} {
		num := protowire.Number(i + 1)
		if s == "" && e.has(Default) {
			continue
		}
		if e.has(Repeat) {
			parts = append(parts, field(wire.String(num, e.g.text(e.rnd))))
		}
		parts = append(parts, field(wire.String(num, s)))
	}
	return wire.Bytes(num, e.assemble(Entry, parts))
}

// scalarPart encodes one value, bools and 32-bit numbers with the bits that a
// reader must ignore.
func (e *encoder) scalarPart(num protowire.Number, kind protoreflect.Kind, v protoreflect.Value) wire.Part {
	high := uint64(0)
	if e.has(Varint) {
		high = e.rnd.Uint64() << 32
	}
	switch kind {
	case protoreflect.StringKind:
		return wire.String(num, v.String())
	case protoreflect.BytesKind:
		return wire.Bytes(num, v.Bytes())
	}
	n := varintOf(kind, v)
	switch kind {
	case protoreflect.BoolKind:
		if n != 0 {
			n |= high | high>>20
		}
	case protoreflect.EnumKind, protoreflect.Int32Kind, protoreflect.Uint32Kind:
		if high != 0 { // negative numbers are of 64 bits without
			n = uint64(uint32(n)) | high
		}
	}
	return wire.Varint(num, n)
}
