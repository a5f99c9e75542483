package grammar

import (
	"fmt"
	"slices"
	"strings"

	"github.com/Microsoft/hcsshim/cmd/containerd-shim-runhcs-v1/options"
	"golang.org/x/mod/semver"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"shimfuzz/internal/contract"
	"shimfuzz/internal/stdin"
	"shimfuzz/internal/wire"
)

// Payload is what a shim reads, and what it must answer.
type Payload struct {
	Bytes       []byte
	Input       contract.Input // that Want is the right answer to
	Want        contract.Outcome
	Description string // how the payload was made, for a failure report
}

// GoString keeps a payload to one line in rapid's log.
func (p Payload) GoString() string { return p.Description }

// Sent is the outcome of a payload that carries these options; nil means none.
func Sent(opts proto.Message) contract.Outcome {
	if isNone(opts) {
		return contract.Outcome{Kind: contract.None}
	}
	return contract.Outcome{Kind: contract.Options, Options: opts}
}

// isNone reports whether there are no options, which a nil *Options is, too.
func isNone(opts proto.Message) bool { return opts == nil || !opts.ProtoReflect().IsValid() }

// OneOption is options with the log level set: every version has that field, and
// no namespace spells it.
func OneOption() *options.Options { return &options.Options{LogLevel: "warn"} }

// Legacy encodes options as containerd up to 2.2 sends them: a bare Any.
func (g *Grammar) Legacy(rnd Rand, variations Variations, opts proto.Message) Payload {
	b := g.encoder(rnd, variations).legacyOptions(opts)
	return Payload{Bytes: b, Want: Sent(opts), Description: "legacy Any of Options"}
}

// Bootstrap encodes options as containerd from 2.3 on sends them: an extension
// of BootstrapParams. nil options are no extension.
func (g *Grammar) Bootstrap(rnd Rand, variations Variations, opts proto.Message) Payload {
	b := g.encoder(rnd, variations).bootstrap(opts)
	return Payload{Bytes: b, Want: Sent(opts), Description: "BootstrapParams with an extension"}
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

// sometimes is the variations half of the time: a decoder that refuses one must not pass
// where another reason to refuse is the point.
func sometimes(rnd Rand, variations Variations) Variations {
	if rnd.Intn(2) == 0 {
		return 0
	}
	return variations
}

// Minimal draws a BootstrapParams of nothing but an ID and a namespace, which
// looks like a legacy Any of foreign options and is neither.
func (g *Grammar) Minimal(rnd Rand) Payload {
	id := ID(rnd)
	for id == g.name {
		id = pick(rnd, Identifiers)
	}
	b := g.encoder(rnd, sometimes(rnd, Order|Varint|Unknown)).legacy(id, []byte(Namespace(rnd)))
	return Payload{Bytes: b, Want: Sent(nil), Description: "BootstrapParams of an ID and a namespace only"}
}

// Foreign draws a legacy Any of another type. What its value holds makes no
// difference, except where URL and value could be an ID and a namespace.
func (g *Grammar) Foreign(rnd Rand) Payload {
	e := g.encoder(rnd, sometimes(rnd, Order|Varint|Repeat|Default|Unknown))
	return e.foreign(g.ForeignName(rnd), g.ForeignValue(rnd))
}

// ForeignAs is Foreign with a given URL and value and no variations.
func (g *Grammar) ForeignAs(url string, value []byte) Payload {
	return g.encoder(Lowest{}, 0).foreign(url, value)
}

func (e *encoder) foreign(url string, value []byte) Payload {
	want := contract.Outcome{Kind: contract.Foreign}
	if stdin.IsIdentifier(url) && stdin.IsIdentifier(string(value)) {
		want = Sent(nil)
	}
	return Payload{Bytes: e.legacy(url, value), Want: want, Description: "legacy Any of another type"}
}

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

// ForeignValue draws the value of an Any of another type.
func (g *Grammar) ForeignValue(rnd Rand) []byte {
	switch rnd.Intn(5) {
	case 0:
		return nil
	case 1:
		return g.encoder(rnd, 0).options(g.Options(rnd))
	case 2:
		return []byte(Namespace(rnd))
	case 3:
		return []byte(`{"ociVersion":"1.2.0"}`)
	}
	return randomBytes(rnd, rnd.Intn(12))
}

// WithIdentity is Bootstrap of hcsshim's Options with a given ID and namespace and no
// variations.
func WithIdentity(id, namespace string, opts *options.Options) Payload {
	e := RunHCS.encoder(Lowest{}, 0)
	body := wire.Message{wire.String(1, id), wire.String(2, namespace), wire.String(4, "2.3.7"),
		wire.Bytes(8, e.extension(contract.OptionsName, e.options(opts)))}.Encode()
	return Payload{Bytes: body, Want: Sent(opts),
		Description: fmt.Sprintf("BootstrapParams of ID %q in namespace %q", id, namespace)}
}

// PlainAny is an Any as proto.Marshal writes it, of any type URL and value.
func PlainAny(url string, value []byte) []byte { return RunHCS.encoder(Lowest{}, 0).legacy(url, value) }

// AnyOf is PlainAny with variations, with the outcome of the plain one.
func (g *Grammar) AnyOf(rnd Rand, url string, value []byte, want contract.Outcome) Payload {
	b := g.encoder(rnd, Order|Varint|Default|Unknown).legacy(url, value)
	return Payload{Bytes: b, Want: want, Description: "legacy Any"}
}

// PlainParams is BootstrapParams with opts, which may be any bytes, as the value
// of its Options extension.
func (g *Grammar) PlainParams(opts []byte) []byte { return g.encoder(Lowest{}, 0).params(opts) }

// ParamsOf is PlainParams with variations, with the outcome of the plain one.
func (g *Grammar) ParamsOf(rnd Rand, opts []byte, want contract.Outcome) Payload {
	b := g.encoder(rnd, AllVariations).params(opts)
	return Payload{Bytes: b, Want: want, Description: "BootstrapParams around fuzzed options"}
}

// Daemon is a containerd that starts shims.
type Daemon struct {
	Version     string // "v2.4.2"; what it calls itself is what it sends
	TTRPC, GRPC string // its addresses
	Binary      string // its own path
	SocketDir   string // for the shims' sockets; "" if none is configured
	Level       int64  // its log level as bootstrap.proto numbers it: 0 is info, -4 debug
}

// Start is what the daemon writes to the standard input of a shim that it starts,
// byte for byte: nothing, an Any, or BootstrapParams. url and value are the
// runtime options; an empty url is none. corpus/recorded is what it is held to.
func (d Daemon) Start(shim, id, namespace, url string, value []byte) []byte {
	special := strings.Contains(shim, "shim-runhcs-v1") || strings.Contains(shim, "shim-runc-v1")
	if semver.Compare(d.Version, "v2.3.0") < 0 || special {
		if url == "" {
			return nil
		}
		return PlainAny(url, value)
	}
	e := RunHCS.encoder(Lowest{}, 0)
	parts := d.before(id, namespace)
	if url != "" {
		parts = append(parts, field(wire.Bytes(8, e.extension(url, value))))
	}
	if d.SocketDir != "" {
		parts = append(parts, field(wire.String(9, d.SocketDir)))
	}
	return e.assemble(Bootstrap, parts)
}

// before is the fields that precede the extensions. The log level is left out at
// info, which is zero; the others are always there.
func (d Daemon) before(id, namespace string) []keyed {
	parts := append(make([]keyed, 0, 12), field(wire.String(1, id)), field(wire.String(2, namespace)))
	if d.Level != 0 {
		parts = append(parts, field(wire.Int(3, d.Level)))
	}
	return append(parts, field(wire.String(4, d.Version)), field(wire.String(5, d.TTRPC)),
		field(wire.String(6, d.GRPC)), field(wire.String(7, d.Binary)))
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
	pieces := append(make([]keyed, 0, 8), field(wire.Bytes(1, e.assemble(Any, parts[:split:split]))))
	if split < len(parts) {
		pieces = append(pieces, field(wire.Bytes(1, e.assemble(Any, parts[split:]))))
	}
	return e.assemble(Extension, pieces)
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
	defer func() { e.variations, e.damage = variations, damage }()
	e.variations, e.damage = 0, nil
	return encode()
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
// with any legal value, some of them left out or overwritten.
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
		kept := protowire.Number(4 + e.rnd.Intn(4)) // which only BootstrapParams has
		parts = slices.DeleteFunc(parts, func(p keyed) bool { return p.Num() != kept && oneIn(e.rnd, 4) })
	}
	if e.has(Repeat) {
		decoy := wire.String(pick(e.rnd, parts).Num(), "overwritten")
		if decoy.Num() == 3 {
			decoy = wire.Int(3, 10)
		}
		parts = slices.Insert(parts, 0, field(decoy))
	}
	return parts
}
