package payload

import (
	"fmt"
	"maps"
	"slices"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"shimfuzz/internal/contract"
	"shimfuzz/internal/vocabulary"
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
	g          *Generator
	rnd        Rand
	variations Variations
	level      vocabulary.Level
	damage     func(body []byte) []byte // nil: none
	marks      []Mark
}

// payload is what the encoder has made.
func (e *encoder) payload(b []byte, want contract.Outcome, description string) Payload {
	return Payload{Bytes: b, Want: want, Description: description, Marks: e.marks}
}

func (e *encoder) mark(what, row, column string) {
	e.marks = append(e.marks, Mark{what, row, column})
}

// has draws whether the encoder applies a variation here: if it has it, two times
// in three.
func (e *encoder) has(row Variations) bool {
	has := e.variations&row != 0 && e.rnd.Intn(3) > 0
	if has {
		e.mark(VariationMark, VariationNames[row], "")
	}
	return has
}

// keyed is a part that must stay behind earlier parts of the same key.
type keyed struct {
	wire.Part
	key string
}

// assemble arranges the parts of a message, adds unknown fields, encodes, and
// does the damage if this is the level for it.
func (e *encoder) assemble(level vocabulary.Level, parts []keyed) []byte {
	parts = slices.Clone(parts) // the caller may hold other parts of the same slice
	if e.has(Unknown) {
		for i := range 1 + e.rnd.Intn(3) {
			at := e.rnd.Intn(len(parts) + 1)
			parts = slices.Insert(parts, at, keyed{wire.Raw(pick(e.rnd, e.g.vocabulary.Unknown(level)).Bytes), fmt.Sprint("unknown", i)})
		}
	}
	if e.has(Order) {
		parts = e.shuffle(parts)
	}
	var m wire.Message
	for _, p := range parts {
		m = append(m, e.widen(p.Part))
	}
	body := m.Encode()
	if e.damage != nil && level == e.level {
		body = e.damage(body)
	}
	return body
}

// shuffle permutes the parts but keeps those of one key in their order.
func (e *encoder) shuffle(parts []keyed) []keyed {
	out := slices.Clone(parts)
	for i := len(out) - 1; i > 0; i-- {
		j := e.rnd.Intn(i + 1)
		out[i], out[j] = out[j], out[i]
	}
	queue := make(map[string][]keyed)
	for _, p := range parts {
		queue[p.key] = append(queue[p.key], p)
	}
	for i, p := range out {
		out[i] = queue[p.key][0]
		queue[p.key] = queue[p.key][1:]
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
	var parts []keyed
	for _, fd := range e.g.drawn {
		if m.Has(fd) {
			e.mark(FieldMark, string(fd.Name()), "")
		}
		if fd.IsMap() {
			parts = append(parts, e.mapEntries(fd, m.Get(fd).Map())...)
		} else {
			parts = append(parts, e.singular(fd, m)...)
		}
	}
	if rest := e.g.others(m); len(rest) > 0 {
		parts = append(parts, keyed{wire.Raw(rest), "others"})
	}
	return e.assemble(vocabulary.Options, parts)
}

// others encodes the fields that are not drawn, which a fuzzer may have set.
func (g *Generator) others(m protoreflect.Message) []byte {
	only := m.New()
	for _, fd := range g.undrawn {
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

// singular encodes one scalar field: not at all if it is unset, except for an
// explicit zero where that means the same.
func (e *encoder) singular(fd protoreflect.FieldDescriptor, m protoreflect.Message) []keyed {
	if !m.Has(fd) && (fd.HasPresence() || !e.has(Default)) {
		return nil
	}
	var parts []keyed
	key := string(fd.Name())
	if e.has(Repeat) {
		for range 1 + e.rnd.Intn(2) {
			parts = append(parts, keyed{e.scalarPart(fd, scalar(e.rnd, fd)), key})
		}
	}
	return append(parts, keyed{e.scalarPart(fd, m.Get(fd)), key})
}

func (e *encoder) mapEntries(fd protoreflect.FieldDescriptor, entries protoreflect.Map) []keyed {
	values := make(map[string]protoreflect.Value)
	for k, v := range entries.Range {
		values[k.String()] = v
	}
	var parts []keyed
	for _, k := range slices.Sorted(maps.Keys(values)) { // so that the encoding depends on the source alone
		key := fmt.Sprintf("%s[%q]", fd.Name(), k)
		if e.has(Repeat) {
			parts = append(parts, keyed{e.mapEntry(fd, k, scalar(e.rnd, fd.MapValue())), key})
		}
		parts = append(parts, keyed{e.mapEntry(fd, k, values[k]), key})
	}
	return parts
}

func (e *encoder) mapEntry(fd protoreflect.FieldDescriptor, k string, v protoreflect.Value) wire.Part {
	var parts []keyed
	add := func(fd protoreflect.FieldDescriptor, v protoreflect.Value) {
		if v.String() == "" && e.has(Default) {
			return
		}
		if e.has(Repeat) {
			parts = append(parts, keyed{e.scalarPart(fd, scalar(e.rnd, fd)), string(fd.Name())})
		}
		parts = append(parts, keyed{e.scalarPart(fd, v), string(fd.Name())})
	}
	add(fd.MapKey(), protoreflect.ValueOfString(k))
	add(fd.MapValue(), v)
	return wire.Bytes(fd.Number(), e.assemble(vocabulary.Entry, parts))
}

// scalarPart encodes one value, bools and 32-bit numbers with the bits that a
// reader must ignore.
func (e *encoder) scalarPart(fd protoreflect.FieldDescriptor, v protoreflect.Value) wire.Part {
	num := fd.Number()
	high := uint64(0)
	if e.has(Varint) {
		high = e.rnd.Uint64() << 32
	}
	switch fd.Kind() {
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
