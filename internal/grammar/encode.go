package grammar

import (
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

// encoder writes messages in any of the ways that its variations allow, and puts a fault
// into the message of one level if it is told to.
type encoder struct {
	g          *Grammar
	rnd        Rand
	variations Variations
	level      Level // of the message that gets the fault
	fault      *Token
	ours       proto.Message // the extension that carries the options
	// marker is a field of BootstrapParams that is written even if it is zero. In an Any on
	// standard input it is the type URL: no bytes would be no Any.
	marker protowire.Number
}

func (g *Grammar) encoder(rnd Rand, variations Variations) *encoder {
	return &encoder{g: g, rnd: rnd, variations: variations}
}

// marshal encodes a message that stands at a level, without variations.
func (g *Grammar) marshal(level Level, m proto.Message) []byte {
	return g.encoder(Lowest{}, 0).message(level, m)
}

// has draws whether the encoder applies a variation here.
func (e *encoder) has(row Variations) bool {
	return e.variations&row != 0 && e.rnd.Intn(3) >= e.g.plain
}

// message encodes a message that stands at a level.
func (e *encoder) message(level Level, m proto.Message) []byte {
	return e.assemble(level, e.fields(level, m.ProtoReflect()))
}

// keyed is a part of a message that must stay behind earlier parts of the same key: the
// number of a field, a number below 0 for each key of a map, or 0 for what may stand anywhere.
type keyed struct {
	wire.Part
	key int
}

// fields are the parts of a message that stands at a level.
func (e *encoder) fields(level Level, m protoreflect.Message) []keyed {
	parts := make([]keyed, 0, 2*len(e.g.sites[level].fields)+4)
	for _, f := range e.g.sites[level].fields {
		isMarker := level == Legacy && f.num == 1 || level == Bootstrap && f.num == e.marker
		isSet := isMarker || m.Has(f.FieldDescriptor)
		switch {
		case !isSet && (f.presence || !f.drawn || f.IsMap() || !e.has(Default)):
		case !f.drawn && level == Bootstrap:
			parts = e.extensions(parts, f, m.Get(f.FieldDescriptor).List())
		case !f.drawn && level == Extension:
			parts = e.pieces(parts, f, m.Get(f.FieldDescriptor).Message())
		case !f.drawn:
			parts = e.plainly(parts, f, m)
		case f.IsMap():
			parts = e.entries(parts, f, m.Get(f.FieldDescriptor).Map())
		default:
			parts = e.scalars(parts, f, m.Get(f.FieldDescriptor))
		}
	}
	return parts
}

// scalars are a field with a value, behind others that it overwrites.
func (e *encoder) scalars(parts []keyed, f field, v protoreflect.Value) []keyed {
	if e.has(Repeat) {
		for range 1 + e.rnd.Intn(2) {
			parts = append(parts, keyed{e.scalar(f, e.g.scalar(e.rnd, f.kind)), int(f.num)})
		}
	}
	return append(parts, keyed{e.scalar(f, v), int(f.num)})
}

// scalar is one value, a bool or a number of 32 bits with bits that a reader must ignore.
func (e *encoder) scalar(f field, v protoreflect.Value) wire.Part {
	switch f.kind {
	case protoreflect.StringKind:
		return wire.String(f.num, v.String())
	case protoreflect.BytesKind:
		return wire.Bytes(f.num, v.Bytes())
	}
	n, high := varintOf(f.kind, v), uint64(0)
	if e.has(Varint) {
		high = e.rnd.Uint64() << 32
	}
	switch f.kind {
	case protoreflect.BoolKind:
		if n != 0 {
			n |= high | high>>20
		}
	case protoreflect.EnumKind, protoreflect.Int32Kind, protoreflect.Uint32Kind:
		if high != 0 { // negative numbers are of 64 bits without
			n = uint64(uint32(n)) | high
		}
	}
	return wire.Varint(f.num, n)
}

// entries are those of a map, sorted, so that the encoding depends on the choices alone,
// and each of them behind others that it overwrites.
func (e *encoder) entries(parts []keyed, f field, m protoreflect.Map) []keyed {
	keys := make([]string, 0, m.Len())
	for k := range m.Range {
		keys = append(keys, k.String())
	}
	slices.Sort(keys)
	for i, s := range keys {
		k := protoreflect.ValueOfString(s)
		entry := func(v protoreflect.Value) { parts = append(parts, keyed{e.entry(f, k, v), -1 - i}) }
		if e.has(Repeat) {
			entry(e.g.scalar(e.rnd, protoreflect.StringKind))
		}
		entry(m.Get(k.MapKey()))
	}
	return parts
}

func (e *encoder) entry(f field, keyAndValue ...protoreflect.Value) wire.Part {
	parts := make([]keyed, 0, 8)
	for i, inner := range e.g.sites[Entry].fields {
		if v := keyAndValue[i]; v.String() != "" || !e.has(Default) {
			parts = e.scalars(parts, inner, v)
		}
	}
	return wire.Bytes(f.num, e.assemble(Entry, parts))
}

// extensions are those of BootstrapParams. Only the one that carries the options gets a fault.
func (e *encoder) extensions(parts []keyed, f field, list protoreflect.List) []keyed {
	for i := range list.Len() {
		one, m := *e, list.Get(i).Message().Interface()
		if m != e.ours {
			one.fault = nil
		}
		parts = append(parts, keyed{wire.Bytes(f.num, one.message(Extension, m)), int(f.num)})
	}
	return parts
}

// pieces are the Any in an Extension, in one piece or in two, which a reader merges.
func (e *encoder) pieces(parts []keyed, f field, m protoreflect.Message) []keyed {
	inside := e.fields(Any, m)
	split := len(inside)
	if e.has(Repeat) {
		split = e.rnd.Intn(len(inside) + 1)
	}
	parts = append(parts, keyed{wire.Bytes(f.num, e.assemble(Any, inside[:split:split])), int(f.num)})
	if split < len(inside) {
		parts = append(parts, keyed{wire.Bytes(f.num, e.assemble(Any, inside[split:])), int(f.num)})
	}
	return parts
}

// plainly encodes a field that is not drawn, but which a fuzzer may have set.
func (e *encoder) plainly(parts []keyed, f field, m protoreflect.Message) []keyed {
	alone := m.New()
	alone.Set(f.FieldDescriptor, m.Get(f.FieldDescriptor))
	b, _ := proto.Marshal(alone.Interface()) // fails for what is not UTF-8, so was not decoded from a payload
	fields, _ := wire.Parse(b)
	for _, one := range fields {
		parts = append(parts, keyed{wire.Raw(one.Raw), int(f.num)})
	}
	return parts
}

// assemble arranges the parts of a message among unknown fields, puts in the fault if it is
// for this level, and encodes them.
func (e *encoder) assemble(level Level, parts []keyed) []byte {
	if e.has(Unknown) {
		for range 1 + e.rnd.Intn(3) {
			unknown := wire.Raw(pick(e.rnd, e.g.levels()[level].unknown).Bytes)
			parts = slices.Insert(parts, e.rnd.Intn(len(parts)+1), keyed{unknown, 0})
		}
	}
	if e.has(Order) {
		parts = e.shuffle(parts)
	}
	for i, p := range parts {
		parts[i].Part = e.widen(p.Part)
	}
	if e.fault != nil && level == e.level {
		parts = e.fault.damage(e.rnd, parts)
	}
	body := make([]byte, 0, 128)
	for _, p := range parts {
		body = p.Append(body)
	}
	return body
}

// shuffle puts the parts in any order that keeps those of one key in theirs.
func (e *encoder) shuffle(parts []keyed) []keyed {
	out := make([]keyed, 0, len(parts))
	for _, p := range parts {
		from := 0 // behind what it must stay behind
		for i, o := range out {
			if o.key == p.key && p.key != 0 {
				from = i + 1
			}
		}
		out = slices.Insert(out, from+e.rnd.Intn(len(out)+1-from), p)
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
