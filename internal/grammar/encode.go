package grammar

import (
	"slices"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"shimfuzz/internal/contract"
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
	marks      []Mark
	free       []byte // of the buffer that messages are written to
}

// payload is what the encoder has made.
func (e *encoder) payload(b []byte, want contract.Outcome, description string) Payload {
	return Payload{Bytes: b, Want: want, Description: description, Marks: e.marks}
}

func (e *encoder) mark(what, row, column string) {
	if !e.g.small {
		e.marks = append(e.marks, Mark{what, row, column})
	}
}

// has draws whether the encoder applies a variation here: if it has it, two times
// in three.
func (e *encoder) has(row Variations) bool {
	least := 1
	if e.g.small {
		least = 2
	}
	has := e.variations&row != 0 && e.rnd.Intn(3) >= least
	if has && !e.g.small {
		e.mark(VariationMark, VariationNames[row], "")
	}
	return has
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
			parts = slices.Insert(parts, at, keyed{wire.Raw(pick(e.rnd, e.g.inserted()[level].unknown).Bytes),
				unknownKey - i})
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
		has := m.Has(o.FieldDescriptor)
		if has && !e.g.small {
			e.mark(FieldMark, string(o.Name()), "")
		}
		if o.IsMap() {
			parts = e.mapEntries(parts, o, m.Get(o.FieldDescriptor).Map())
		} else if has || !o.presence && e.has(Default) {
			parts = e.singular(parts, o, m.Get(o.FieldDescriptor))
		}
	}
	if rest := e.g.others(m); len(rest) > 0 {
		parts = append(parts, keyed{wire.Raw(rest), othersKey})
	}
	return e.assemble(Options, parts)
}

// others encodes the fields that are not drawn, which a fuzzer may have set.
func (g *Grammar) others(m protoreflect.Message) []byte {
	if len(g.unset) == 0 {
		return nil
	}
	only := m.New()
	for _, fd := range g.unset {
		if m.Has(fd) {
			only.Set(fd, m.Get(fd))
		}
	}
	b, err := proto.Marshal(only.Interface())
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

func (e *encoder) mapEntries(parts []keyed, o option, entries protoreflect.Map) []keyed {
	keys := make([]string, 0, entries.Len())
	for k := range entries.Range {
		keys = append(keys, k.String())
	}
	slices.Sort(keys) // so that the encoding depends on the source alone
	for i, k := range keys {
		add := func(v string) { parts = append(parts, keyed{e.mapEntry(o.num, k, v), entryKey - i}) }
		if e.has(Repeat) {
			add(e.g.text(e.rnd))
		}
		add(entries.Get(protoreflect.ValueOfString(k).MapKey()).String())
	}
	return parts
}

func (e *encoder) mapEntry(num protowire.Number, k, v string) wire.Part {
	parts := make([]keyed, 0, 8)
	add := func(num protowire.Number, s string) {
		if s == "" && e.has(Default) {
			return
		}
		if e.has(Repeat) {
			parts = append(parts, field(wire.String(num, e.g.text(e.rnd))))
		}
		parts = append(parts, field(wire.String(num, s)))
	}
	add(1, k)
	add(2, v)
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
	case protoreflect.BoolKind:
		if v.Bool() {
			return wire.Varint(num, 1|high|high>>20)
		}
		return wire.Varint(num, 0)
	case protoreflect.EnumKind:
		return wire.Varint(num, low32(int32(v.Enum()), high))
	case protoreflect.Int32Kind:
		return wire.Varint(num, low32(int32(v.Int()), high))
	case protoreflect.Uint32Kind:
		return wire.Varint(num, v.Uint()|high)
	case protoreflect.Int64Kind:
		return wire.Varint(num, uint64(v.Int()))
	case protoreflect.Uint64Kind:
		return wire.Varint(num, v.Uint())
	case protoreflect.BytesKind:
		return wire.Bytes(num, v.Bytes())
	}
	return wire.String(num, v.String())
}

// low32 is v as senders write it, negative ones in ten bytes, or with other
// high bits.
func low32(v int32, high uint64) uint64 {
	if high == 0 {
		return uint64(int64(v))
	}
	return uint64(uint32(v)) | high
}
