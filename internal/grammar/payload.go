package grammar

import (
	"fmt"
	"slices"

	"github.com/Microsoft/hcsshim/cmd/containerd-shim-runhcs-v1/options"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"shimfuzz/internal/contract"
	"shimfuzz/internal/stdin"
	"shimfuzz/internal/wire"
)

// Sent is the outcome of a payload that carries these options; nil means none.
func Sent(opts proto.Message) contract.Outcome {
	if isNone(opts) {
		return contract.Outcome{Kind: contract.None}
	}
	return contract.Outcome{Kind: contract.Options, Options: opts}
}

// isNone reports whether there are no options, which a nil *Options is, too.
func isNone(opts proto.Message) bool { return opts == nil || !opts.ProtoReflect().IsValid() }

// sometimes is an encoder with variations half of the time: a decoder that refuses a
// variation must not pass where another reason to refuse is the point.
func (g *Grammar) sometimes(rnd Rand, variations Variations) *encoder {
	if rnd.Intn(2) == 0 {
		variations = 0
	}
	return &encoder{g: g, rnd: rnd, variations: variations}
}

// Legacy encodes options as containerd up to 2.2 sends them: a bare Any.
func (g *Grammar) Legacy(rnd Rand, variations Variations, opts proto.Message) Payload {
	e := &encoder{g: g, rnd: rnd, variations: variations}
	return e.payload(e.legacyOptions(opts), Sent(opts), "legacy Any of Options")
}

// Bootstrap encodes options as containerd from 2.3 on sends them: an extension
// of BootstrapParams. nil options are no extension.
func (g *Grammar) Bootstrap(rnd Rand, variations Variations, opts proto.Message) Payload {
	e := &encoder{g: g, rnd: rnd, variations: variations}
	return e.payload(e.bootstrap(opts), Sent(opts), "BootstrapParams with an extension")
}

// Valid draws options and encodes them for one family or the other.
func (g *Grammar) Valid(rnd Rand, variations Variations) Payload {
	if rnd.Intn(2) == 0 {
		return g.Legacy(rnd, variations, g.Options(rnd))
	}
	if oneIn(rnd, 8) {
		return g.Bootstrap(rnd, variations, nil)
	}
	return g.Bootstrap(rnd, variations, g.Options(rnd))
}

// Minimal draws a BootstrapParams of nothing but an ID and a namespace, which
// looks like a legacy Any of foreign options and is neither.
func (g *Grammar) Minimal(rnd Rand) Payload {
	id := ID(rnd)
	for id == g.name {
		id = pick(rnd, Identifiers)
	}
	e := g.sometimes(rnd, Order|Varint|Unknown)
	return e.payload(e.legacy(id, []byte(Namespace(rnd))), Sent(nil), "BootstrapParams of an ID and a namespace only")
}

// WithIdentity is Bootstrap of hcsshim's Options with a given ID and namespace and no
// variations.
func WithIdentity(id, namespace string, opts *options.Options) Payload {
	e := &encoder{g: RunHCS, rnd: Lowest{}}
	body := wire.Message{wire.String(1, id), wire.String(2, namespace), wire.String(4, "2.3.7"),
		wire.Bytes(8, e.extension(contract.OptionsName, e.options(opts)))}.Encode()
	return e.payload(body, Sent(opts), fmt.Sprintf("BootstrapParams of ID %q in namespace %q", id, namespace))
}

// PlainAny is an Any as proto.Marshal writes it, of any type URL and value.
func PlainAny(url string, value []byte) []byte {
	return (&encoder{g: RunHCS, rnd: Lowest{}}).legacy(url, value)
}

// AnyOf is PlainAny with variations, with the outcome of the plain one.
func (g *Grammar) AnyOf(rnd Rand, url string, value []byte, want contract.Outcome) Payload {
	e := &encoder{g: g, rnd: rnd, variations: Order | Varint | Default | Unknown}
	return e.payload(e.legacy(url, value), want, "legacy Any")
}

// PlainParams is BootstrapParams with opts, which may be any bytes, as the value
// of its Options extension.
func (g *Grammar) PlainParams(opts []byte) []byte {
	return (&encoder{g: g, rnd: Lowest{}}).params(opts)
}

// ParamsOf is PlainParams with variations, with the outcome of the plain one.
func (g *Grammar) ParamsOf(rnd Rand, opts []byte, want contract.Outcome) Payload {
	e := &encoder{g: g, rnd: rnd, variations: AllVariations}
	return e.payload(e.params(opts), want, "BootstrapParams around fuzzed options")
}

// OneOption is options with the log level set: every version has that field, and
// no namespace spells it.
func OneOption() *options.Options { return &options.Options{LogLevel: "warn"} }

// ForeignName draws a type URL of another type.
func (g *Grammar) ForeignName(rnd Rand) string {
	switch rnd.Intn(3) {
	case 0:
		return pick(rnd, g.nearNames).URL
	case 1:
		return pick(rnd, g.otherNames)
	}
	name := pick(rnd, RegisteredNames())
	if name == g.name {
		return g.otherNames[0]
	}
	return name
}

// Foreign draws a legacy Any of another type. What its value holds makes no
// difference, except where URL and value could be an ID and a namespace.
func (g *Grammar) Foreign(rnd Rand) Payload {
	e := g.sometimes(rnd, Order|Varint|Repeat|Default|Unknown)
	return foreign(e, g.ForeignName(rnd), g.ForeignValue(rnd))
}

// ForeignAs is Foreign with a given URL and value and no variations.
func (g *Grammar) ForeignAs(url string, value []byte) Payload {
	return foreign(&encoder{g: g, rnd: Lowest{}}, url, value)
}

func foreign(e *encoder, url string, value []byte) Payload {
	want := contract.Outcome{Kind: contract.Foreign}
	if stdin.IsIdentifier(url) && stdin.IsIdentifier(string(value)) {
		want = Sent(nil)
	}
	return e.payload(e.legacy(url, value), want, "legacy Any of another type")
}

// ForeignValue draws the value of an Any of another type.
func (g *Grammar) ForeignValue(rnd Rand) []byte {
	switch rnd.Intn(5) {
	case 0:
		return nil
	case 1:
		return (&encoder{g: g, rnd: rnd}).options(g.Options(rnd))
	case 2:
		return []byte(Namespace(rnd))
	case 3:
		return []byte(`{"ociVersion":"1.2.0"}`)
	}
	return randomBytes(rnd, rnd.Intn(12))
}

// url draws a type URL for the name: bare, as typeurl has it, unless the
// encoder varies the prefix.
func (e *encoder) url(name string) string {
	if !e.has(URL) {
		return name
	}
	return pick(e.rnd, Prefixes) + name
}

// legacy encodes an Any at the top level.
func (e *encoder) legacy(url string, value []byte) []byte {
	return e.assemble(Legacy, e.anyParts(url, value))
}

func (e *encoder) legacyOptions(opts proto.Message) []byte {
	return e.legacy(e.url(e.g.name), e.options(opts))
}

func (e *encoder) anyParts(url string, value []byte) []keyed {
	parts := make([]keyed, 0, 8)
	if e.has(Repeat) {
		parts = append(parts, field(wire.String(1, pick(e.rnd, e.g.nearNames).URL)),
			field(wire.String(2, "overwritten")))
	}
	parts = append(parts, field(wire.String(1, url)))
	if len(value) == 0 && len(parts) == 1 && !e.has(Default) {
		return parts // as proto.Marshal leaves out an empty value
	}
	return append(parts, field(wire.Bytes(2, value)))
}

// extension encodes an Extension that holds an Any, in one piece or in several.
func (e *encoder) extension(url string, value []byte) []byte {
	parts := e.anyParts(url, value)
	split := len(parts)
	if e.has(Repeat) {
		split = e.rnd.Intn(len(parts) + 1)
	}
	pieces := append(make([]keyed, 0, 8), field(wire.Bytes(1, e.anyBody(parts[:split:split]))))
	if split < len(parts) {
		pieces = append(pieces, field(wire.Bytes(1, e.anyBody(parts[split:]))))
	}
	return e.assemble(Extension, pieces)
}

func (e *encoder) anyBody(parts []keyed) []byte {
	return e.assemble(Any, parts)
}

// bootstrap encodes BootstrapParams around options; nil options are no extension.
func (e *encoder) bootstrap(opts proto.Message) []byte {
	if isNone(opts) {
		return e.params(nil)
	}
	return e.params(e.options(opts))
}

// params encodes BootstrapParams around encoded options, unless those are nil.
func (e *encoder) params(opts []byte) []byte {
	parts := e.ambient()
	ext := func(body []byte) { parts = append(parts, field(wire.Bytes(8, body))) }
	if e.has(Neighbours) {
		n := 1 + e.rnd.Intn(2)
		if oneIn(e.rnd, 8) {
			n = pick(e.rnd, e.g.counts[:min(9, len(e.g.counts))])
		}
		for range n {
			ext(e.neighbour())
		}
	}
	if opts != nil {
		ext(e.extension(e.url(e.g.name), opts))
	}
	if e.has(Neighbours) {
		ext(e.neighbour())
		if opts != nil && e.rnd.Intn(2) == 0 {
			ext(e.plain(func() []byte { return e.extension(e.g.name, e.secondOptions()) }))
		}
	}
	return e.assemble(Bootstrap, parts)
}

// plain encodes without variations and without damage.
func (e *encoder) plain(encode func() []byte) []byte {
	variations, damage := e.variations, e.damage
	e.variations, e.damage = 0, nil
	b := encode()
	e.variations, e.damage = variations, damage
	return b
}

// secondOptions is what an Options extension behind the first may hold: other
// options, or bytes that do not decode.
func (e *encoder) secondOptions() []byte {
	if e.rnd.Intn(2) == 0 {
		return []byte{0xff}
	}
	return e.options(e.g.Options(e.rnd))
}

// neighbour is an extension of another type, which must be ignored whatever it holds.
func (e *encoder) neighbour() []byte {
	switch e.rnd.Intn(4) {
	case 0:
		return nil // no value
	case 1:
		return wire.Message{wire.Sub(1)}.Encode() // an empty Any
	}
	return e.plain(func() []byte { return e.extension(e.g.ForeignName(e.rnd), e.g.ForeignValue(e.rnd)) })
}

// ambient is every field but the extensions, as containerd sets them, or
// with any legal value.
func (e *encoder) ambient() []keyed {
	d := Daemon{Version: "v2.3.7", TTRPC: `\\.\pipe\containerd-containerd.ttrpc`,
		GRPC: `\\.\pipe\containerd-containerd`, Binary: `C:\Program Files\containerd\containerd.exe`}
	id, namespace := "web-1", "default"
	if e.has(Ambient) {
		id, namespace = ID(e.rnd), Namespace(e.rnd)
		d.Level = int64(e.rnd.Uint64())
		if !oneIn(e.rnd, 16) {
			d.Level = pick(e.rnd, LogLevels)
		}
		for _, s := range []*string{&d.Version, &d.TTRPC, &d.GRPC, &d.Binary, &d.SocketDir} {
			if *s = pick(e.rnd, Addresses); oneIn(e.rnd, 4) {
				*s = e.g.text(e.rnd)
			}
		}
	}
	parts := d.before(id, namespace)
	if d.Level == 0 && e.has(Default) {
		parts = append(parts, field(wire.Int(3, 0)))
	}
	if d.SocketDir != "" || e.has(Ambient) {
		parts = append(parts, field(wire.String(9, d.SocketDir)))
	}
	if e.has(Ambient) {
		parts = e.someOf(parts)
	}
	if e.has(Repeat) {
		decoy := pick(e.rnd, parts)
		part := wire.String(decoy.Num(), "overwritten")
		if decoy.Num() == 3 {
			part = wire.Int(3, 10)
		}
		parts = slices.Insert(parts, 0, field(part))
	}
	return parts
}

// someOf leaves out some of the ambient fields, but one that only BootstrapParams has.
func (e *encoder) someOf(parts []keyed) []keyed {
	kept := protowire.Number(4 + e.rnd.Intn(4))
	return slices.DeleteFunc(parts, func(p keyed) bool { return p.Num() != kept && oneIn(e.rnd, 4) })
}
