package payload

import (
	"encoding/binary"
	"slices"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"shimfuzz/internal/contract"
	"shimfuzz/internal/stdin"
	"shimfuzz/internal/vocabulary"
	"shimfuzz/internal/wire"
)

// Fault is a way to make a message malformed, or such that a reader may refuse it.
type Fault struct {
	Name    string
	Freedom string             // that allows to refuse it; "" for one that is malformed
	element vocabulary.Element // to be put into the message; nothing to cut it off
}

// Size is how many bytes the fault adds to a message.
func (f Fault) Size() int { return len(f.element.Bytes) }

// Faults returns the faults of a message of a level: each class of the contract that can
// affect it. The caller must not change them.
func (g *Generator) Faults(level vocabulary.Level) []Fault { return g.inserted()[level].faults }

// Freedoms returns what may be put into a message of a level so that a reader either reads
// on or refuses it (docs/contract.md, Freedoms). The caller must not change them.
func (g *Generator) Freedoms(level vocabulary.Level) []Fault { return g.inserted()[level].freedoms }

// inserted is what can be put into a message of one level.
type inserted struct {
	faults, freedoms []Fault
	unknown          []vocabulary.Element
}

// allInserted leaves out what is longer than so many bytes.
func (g *Generator) allInserted(longest int) map[vocabulary.Level]inserted {
	all := make(map[vocabulary.Level]inserted)
	for _, level := range slices.Concat(g.vocabulary.LegacyLevels(), g.vocabulary.BootstrapLevels()) {
		d := inserted{faults: []Fault{{Name: "truncated"}}}
		for _, e := range g.vocabulary.Faults(level) {
			d.faults = append(d.faults, Fault{e.Name, "", e})
		}
		for _, e := range g.vocabulary.Free(level) {
			d.freedoms = append(d.freedoms, Fault{e.Name, e.Freedom, e})
		}
		d.faults = slices.DeleteFunc(d.faults, func(f Fault) bool { return f.Size() > longest })
		d.unknown = slices.DeleteFunc(slices.Clone(g.vocabulary.Unknown(level)),
			func(e vocabulary.Element) bool { return len(e.Bytes) > longest })
		all[level] = d
	}
	return all
}

// damage puts the fault into the body of a message: between two fields, wherever that
// is, or at the end, if it would take the fields behind it for its own.
func (f Fault) damage(rnd Rand, body []byte) []byte {
	switch {
	case f.element.Bytes == nil:
		return truncated(rnd, body)
	case f.element.Kind == vocabulary.Open:
		return append(slices.Clone(body), f.element.Bytes...)
	}
	return slices.Insert(slices.Clone(body), pick(rnd, stdin.Boundaries(body)), f.element.Bytes...)
}

// truncated cuts the body inside a field. A cut between two fields would leave
// a complete message.
func truncated(rnd Rand, body []byte) []byte {
	fields, _ := wire.Parse(body)
	if len(fields) == 0 {
		return []byte{0x0a}
	}
	f := pick(rnd, fields)
	return slices.Clone(body[:f.Offset+1+rnd.Intn(len(f.Raw)-1)])
}

// Malformed draws a valid payload with one fault in the message of one level.
func (g *Generator) Malformed(rnd Rand) Payload { return g.MalformedOf(rnd, g.Options(rnd)) }

// MalformedOf is Malformed of given options.
func (g *Generator) MalformedOf(rnd Rand, opts proto.Message) Payload {
	return g.faulty(rnd, opts, g.Faults)
}

// Free draws a valid payload that a reader may refuse.
func (g *Generator) Free(rnd Rand) Payload { return g.faulty(rnd, g.Options(rnd), g.Freedoms) }

// faulty adds an entry to the map in Options, so that there is one to damage.
func (g *Generator) faulty(rnd Rand, opts proto.Message, faults func(vocabulary.Level) []Fault) Payload {
	if g.entries != nil {
		opts.ProtoReflect().Mutable(g.entries).Map().Set(protoreflect.ValueOfString("key").MapKey(),
			protoreflect.ValueOfString("value"))
	}
	variations := g.sometimes(rnd, AllVariations).variations
	if rnd.Intn(2) == 0 {
		level := pick(rnd, g.vocabulary.LegacyLevels())
		return g.DamagedLegacy(rnd, variations, opts, level, pick(rnd, faults(level)))
	}
	level := pick(rnd, g.vocabulary.BootstrapLevels())
	return g.DamagedBootstrap(rnd, variations, opts, level, pick(rnd, faults(level)))
}

// DamagedLegacy is Legacy with the fault in it. A fault among the annotations
// needs options that have one.
func (g *Generator) DamagedLegacy(rnd Rand, variations Variations, opts proto.Message, level vocabulary.Level,
	fault Fault) Payload {
	e := g.damaging(rnd, variations, level, fault)
	return fault.in(e, "legacy Any", e.legacy(e.url(g.name), e.options(opts)), opts)
}

// DamagedBootstrap is Bootstrap with the fault in it, as DamagedLegacy.
func (g *Generator) DamagedBootstrap(rnd Rand, variations Variations, opts proto.Message, level vocabulary.Level,
	fault Fault) Payload {
	e := g.damaging(rnd, variations, level, fault)
	return fault.in(e, "BootstrapParams", e.bootstrap(opts), opts)
}

func (g *Generator) damaging(rnd Rand, variations Variations, level vocabulary.Level, fault Fault) *encoder {
	return &encoder{g: g, rnd: rnd, variations: variations, level: level, damage: func(body []byte) []byte {
		return fault.damage(rnd, body)
	}}
}

// in is the payload with the fault in it, as e has made it.
func (f Fault) in(e *encoder, family string, b []byte, opts proto.Message) Payload {
	what, want := FaultMark, contract.Outcome{Kind: contract.Malformed}
	if f.Freedom != "" {
		what = FreedomMark
		want, want.Or = Sent(opts), []contract.Outcome{want}
	}
	e.mark(what, f.Name, string(e.level))
	return e.payload(b, want, family+", "+f.Name+" in "+string(e.level))
}

// Framed draws a valid payload in a frame that protobuf does not have: each
// frame puts an invalid tag where a tag is read.
func (g *Generator) Framed(rnd Rand) Payload {
	p := g.Valid(rnd, g.sometimes(rnd, AllVariations).variations)
	frame := pick(rnd, Frames)
	p.Bytes = frame.Wrap(p.Bytes)
	p.Want = contract.Outcome{Kind: contract.Malformed}
	p.Description = frame.Name + " around " + p.Description
	return p
}

// Frame wraps a payload.
type Frame struct {
	Name string
	Wrap func([]byte) []byte
}

// Frames are wrappings met in the field or easily made by mistake.
var Frames = []Frame{
	{"grpc-frame", func(b []byte) []byte {
		return append(binary.BigEndian.AppendUint32([]byte{0}, uint32(len(b))), b...)
	}},
	{"ttrpc-frame", func(b []byte) []byte { // length, stream, type, flags
		head := binary.BigEndian.AppendUint32(nil, uint32(len(b)))
		return append(append(head, 0, 0, 0, 1, 1, 0), b...)
	}},
	{"utf8-bom", func(b []byte) []byte { return append([]byte("\ufeff"), b...) }},
	{"utf16-bom", func(b []byte) []byte { return append([]byte{0xff, 0xfe}, append([]byte{0}, b...)...) }},
	{"nul-before", func(b []byte) []byte { return append([]byte{0}, b...) }},
	{"nul-after", func(b []byte) []byte { return append(slices.Clone(b), 0) }},
	{"newline-after", func(b []byte) []byte { return append(slices.Clone(b), '\n') }},
}
