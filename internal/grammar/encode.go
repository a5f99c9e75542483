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

// fields are the parts of a message that stands at a level.
func (e *encoder) fields(level Level, m protoreflect.Message) []wire.Part {
	fields := e.g.sites[level].fields
	parts := make([]wire.Part, 0, len(fields)+8)
	for _, f := range fields {
		isMarker := level == Legacy && f.num == 1 || level == Bootstrap && f.num == e.marker
		isScalar := f.drawn && f.kind != protoreflect.MessageKind
		if !m.Has(f.FieldDescriptor) && !isMarker && (!isScalar || f.presence || !e.has(Default)) {
			continue
		}
		switch v := m.Get(f.FieldDescriptor); {
		case isScalar:
			parts = e.scalars(parts, level, f, v)
		case f.drawn:
			parts = e.entries(parts, f, v.Map())
		case level == Bootstrap:
			for i := range v.List().Len() {
				parts = e.inside(parts, f, Extension, v.List().Get(i).Message())
			}
		case level == Extension:
			parts = e.inside(parts, f, Any, v.Message())
		}
	}
	return parts
}

// scalars are a field with a value, behind others that it overwrites.
func (e *encoder) scalars(parts []wire.Part, level Level, f field, v protoreflect.Value) []wire.Part {
	if e.has(Repeat) {
		for range 1 + e.rnd.Intn(2) {
			parts = append(parts, e.scalar(f, e.g.scalar(e.rnd, level, f)))
		}
	}
	return append(parts, e.scalar(f, v))
}

// scalar is one value, a bool or a number of 32 bits with bits that a reader must ignore.
func (e *encoder) scalar(f field, v protoreflect.Value) wire.Part {
	n, high := uint64(0), uint64(0)
	if isVarint(f) && e.has(Varint) {
		high = e.rnd.Uint64() << 32
	}
	switch f.kind {
	case protoreflect.StringKind:
		return wire.String(f.num, v.String())
	case protoreflect.BytesKind:
		return wire.Bytes(f.num, v.Bytes())
	case protoreflect.BoolKind:
		if v.Bool() {
			n = 1 | high | high>>20
		}
		return wire.Varint(f.num, n)
	case protoreflect.EnumKind:
		n = uint64(v.Enum())
	case protoreflect.Int32Kind, protoreflect.Int64Kind:
		n = uint64(v.Int())
	default:
		n = v.Uint()
	}
	if high != 0 && f.kind != protoreflect.Int64Kind && f.kind != protoreflect.Uint64Kind {
		n = uint64(uint32(n)) | high // negative numbers are of 64 bits without
	}
	return wire.Varint(f.num, n)
}

// entries are those of a map, behind others that they overwrite. They are sorted first, so
// that the encoding depends on the choices alone.
func (e *encoder) entries(parts []wire.Part, f field, m protoreflect.Map) []wire.Part {
	keys := make([]string, 0, m.Len())
	for k := range m.Range {
		keys = append(keys, k.String())
	}
	slices.Sort(keys)
	kinds := e.g.sites[Entry].fields
	for _, k := range keys {
		if e.has(Repeat) {
			parts = append(parts, e.entry(f, k, e.g.scalar(e.rnd, Entry, kinds[1])))
		}
	}
	for i := len(keys) - 1; i > 0 && e.variations&Order != 0; i-- {
		j := e.rnd.Intn(i + 1)
		keys[i], keys[j] = keys[j], keys[i]
	}
	for _, k := range keys {
		parts = append(parts, e.entry(f, k, m.Get(protoreflect.ValueOfString(k).MapKey())))
	}
	return parts
}

func (e *encoder) entry(f field, key string, value protoreflect.Value) wire.Part {
	parts := make([]wire.Part, 0, 8)
	for i, v := range []protoreflect.Value{protoreflect.ValueOfString(key), value} {
		if v.String() != "" || !e.has(Default) {
			parts = e.scalars(parts, Entry, e.g.sites[Entry].fields[i], v)
		}
	}
	return wire.Bytes(f.num, e.assemble(Entry, parts))
}

// inside is a message in a field: an extension, of which only the one that carries the
// options gets a fault, or an Any in one piece or in two, which a reader merges.
func (e *encoder) inside(parts []wire.Part, f field, level Level, m protoreflect.Message) []wire.Part {
	fault := e.fault
	if level == Extension && m.Interface() != e.ours {
		e.fault = nil
	}
	fields := e.fields(level, m)
	split := len(fields)
	if level == Any && e.has(Repeat) {
		split = e.rnd.Intn(len(fields) + 1)
	}
	parts = append(parts, wire.Bytes(f.num, e.assemble(level, fields[:split:split])))
	if split < len(fields) {
		parts = append(parts, wire.Bytes(f.num, e.assemble(level, fields[split:])))
	}
	e.fault = fault
	return parts
}

// assemble arranges the parts of a message among unknown fields, puts in the fault if it is
// for this level, and encodes them.
func (e *encoder) assemble(level Level, parts []wire.Part) []byte {
	if e.has(Unknown) {
		for range 1 + e.rnd.Intn(3) {
			unknown := wire.Raw(e.g.token(e.rnd, e.g.levels()[level].unknown).Bytes)
			parts = slices.Insert(parts, e.rnd.Intn(len(parts)+1), unknown)
		}
	}
	if e.has(Order) {
		parts = shuffle(e.rnd, parts)
	}
	for i, p := range parts {
		parts[i] = e.widen(p)
	}
	if e.fault != nil && level == e.level {
		parts = e.fault.damage(e.rnd, parts)
	}
	return wire.Message(parts).Encode()
}

// shuffle puts parts in any order that keeps those of one field in theirs.
func shuffle(rnd Rand, parts []wire.Part) []wire.Part {
	out := make([]wire.Part, 0, len(parts))
	for _, p := range parts {
		from := 0 // behind what it must stay behind
		for i, o := range out {
			if o.Num == p.Num && p.Num != 0 {
				from = i + 1
			}
		}
		out = slices.Insert(out, from+rnd.Intn(len(out)+1-from), p)
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
		if p.Type == protowire.VarintType {
			widest = widestValue
		}
		p = p.Wide(e.rnd.Intn(widest + 1))
	}
	if oneIn(e.rnd, 3) {
		p = p.WideTag(e.rnd.Intn(widestTag + 1))
	}
	return p
}
