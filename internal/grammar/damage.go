package grammar

import (
	"encoding/binary"
	"fmt"
	"slices"

	"google.golang.org/protobuf/proto"

	"shimfuzz/internal/contract"
	"shimfuzz/internal/wire"
)

// damage puts a fault among the parts of a message, or at the end, if it would take what is
// behind it for its own. To truncate is to cut a part: between two, the message would be
// complete.
func (t Token) damage(rnd Rand, parts []wire.Part) []wire.Part {
	fault := wire.Raw(t.Bytes)
	switch {
	case t.Kind == Open:
		return append(parts, fault)
	case t.Bytes != nil:
		return slices.Insert(parts, rnd.Intn(len(parts)+1), fault)
	case len(parts) == 0:
		return []wire.Part{wire.Raw([]byte{0x0a})}
	}
	at := rnd.Intn(len(parts))
	b := parts[at].Append(nil)
	return append(parts[:at], wire.Raw(b[:1+rnd.Intn(len(b)-1)]))
}

// Malformed draws a valid payload with one fault in the message of one level.
func (g *Grammar) Malformed(rnd Rand) Payload { return g.Faulty(rnd, g.Options(rnd)) }

// Faulty is Malformed with given options.
func (g *Grammar) Faulty(rnd Rand, opts proto.Message) Payload {
	return g.with(rnd, opts, func(l level) []Token { return l.faults })
}

// Free draws a valid payload that a reader may refuse.
func (g *Grammar) Free(rnd Rand) Payload {
	return g.with(rnd, g.Options(rnd), func(l level) []Token { return l.freedoms })
}

// with draws a payload of options with one of the faults, or freedoms, of the level that it is put
// into. It adds an entry to the map in Options, so that there is one to damage.
func (g *Grammar) with(rnd Rand, opts proto.Message, faults func(level) []Token) Payload {
	if g.entries != nil {
		setEntry(opts.ProtoReflect(), g.entries, "key", "value")
	}
	variations, family := sometimes(rnd, AllVariations), pick(rnd, families)
	level := pick(rnd, g.Levels(family))
	fault := g.token(rnd, faults(g.levels()[level]))
	e := g.encoder(rnd, variations)
	e.level, e.fault = level, &fault
	p := Payload{Bytes: e.options(family, opts), Want: contract.Outcome{Kind: contract.Malformed},
		Description: fmt.Sprintf("%s, %s in %s", familyNames[family], fault.Name, level)}
	if fault.Freedom != "" {
		malformed := p.Want
		p.Want = Sent(opts)
		p.Want.Or = []contract.Outcome{malformed}
	}
	return p
}

// Framed draws a valid payload in a frame that protobuf does not have: each
// frame puts an invalid tag where a tag is read.
func (g *Grammar) Framed(rnd Rand) Payload {
	p := g.Valid(rnd, sometimes(rnd, AllVariations))
	frame := pick(rnd, frames)
	return Payload{Bytes: frame.wrap(p.Bytes), Want: contract.Outcome{Kind: contract.Malformed},
		Description: frame.name + " around " + p.Description}
}

// frames are wrappings met in the field or easily made by mistake.
var frames = []struct {
	name string
	wrap func([]byte) []byte
}{
	{"grpc-frame", func(b []byte) []byte { return slices.Concat([]byte{0}, size(b), b) }},
	// length, stream, type, flags
	{"ttrpc-frame", func(b []byte) []byte { return slices.Concat(size(b), []byte{0, 0, 0, 1, 1, 0}, b) }},
	{"utf8-bom", between("\ufeff", "")},
	{"utf16-bom", between("\xff\xfe\x00", "")},
	{"nul-before", between("\x00", "")},
	{"nul-after", between("", "\x00")},
	{"newline-after", between("", "\n")},
}

func size(b []byte) []byte { return binary.BigEndian.AppendUint32(nil, uint32(len(b))) }

func between(before, after string) func([]byte) []byte {
	return func(b []byte) []byte { return slices.Concat([]byte(before), b, []byte(after)) }
}

// Changed draws bytes that may be anything: random ones, or a payload with bytes changed,
// cut out, doubled, or joined with another payload.
func Changed(rnd Rand, payloads [][]byte) []byte {
	if rnd.Intn(10) == 0 {
		return randomBytes(rnd, rnd.Intn(40))
	}
	other := func() []byte { return pick(rnd, payloads) }
	b := other()
	for range rnd.Intn(4) {
		b = Edit(rnd, b, other)
	}
	return b
}

// Edit draws one edit of a payload, which it does not change. other is one to join it with.
func Edit(rnd Rand, b []byte, other func() []byte) []byte {
	at := rnd.Intn(len(b) + 1)
	to := at + rnd.Intn(len(b)+1-at)
	with := func(c byte) []byte { return slices.Concat(b[:at], []byte{c}, b[at+1:]) }
	switch kind := rnd.Intn(5); {
	case kind == 0:
		return slices.Concat(b[:at], b[to:]) // cut out
	case kind == 1:
		return slices.Concat(b[:to], b[at:]) // doubled
	case kind == 2:
		return slices.Concat(b, other()) // joined
	case at == len(b):
		return b
	case kind == 3:
		return with(byte(rnd.Intn(256)))
	}
	return with(b[at] ^ 1<<rnd.Intn(8))
}
