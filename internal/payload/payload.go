package payload

import (
	"fmt"

	"github.com/Microsoft/hcsshim/cmd/containerd-shim-runhcs-v1/options"
	"google.golang.org/protobuf/encoding/protowire"

	"shimfuzz/internal/contract"
	"shimfuzz/internal/stdin"
	"shimfuzz/internal/wire"
)

// Sent is the outcome of a payload that carries these options; nil means none.
func Sent(opts *options.Options) contract.Outcome {
	if opts == nil {
		return contract.Outcome{Kind: contract.None}
	}
	return contract.Outcome{Kind: contract.Options, Options: opts}
}

// Legacy encodes options as containerd up to 2.2 sends them: a bare Any.
func Legacy(rnd Rand, variations Variations, opts *options.Options) Payload {
	e := &encoder{rnd: rnd, variations: variations}
	return Payload{e.legacy(e.url(contract.OptionsName), e.options(opts)), Sent(opts), "legacy Any of Options"}
}

// Bootstrap encodes options as containerd from 2.3 on sends them: an extension
// of BootstrapParams. nil options are no extension.
func Bootstrap(rnd Rand, variations Variations, opts *options.Options) Payload {
	e := &encoder{rnd: rnd, variations: variations}
	return Payload{e.bootstrap(opts), Sent(opts), "BootstrapParams with an extension"}
}

// Valid draws options and encodes them for one family or the other.
func Valid(rnd Rand, variations Variations) Payload {
	if rnd.Intn(2) == 0 {
		return Legacy(rnd, variations, Options(rnd))
	}
	if oneIn(rnd, 8) {
		return Bootstrap(rnd, variations, nil)
	}
	return Bootstrap(rnd, variations, Options(rnd))
}

// Minimal draws a BootstrapParams of nothing but an ID and a namespace, which
// looks like a legacy Any of foreign options and is neither.
func Minimal(rnd Rand) Payload {
	id := ID(rnd)
	for id == contract.OptionsName {
		id = pick(rnd, commonIDs)
	}
	e := &encoder{rnd: rnd, variations: Order | Varint}
	return Payload{e.legacy(id, []byte(Namespace(rnd))), Sent(nil), "BootstrapParams of an ID and a namespace only"}
}

// WithIdentity is Bootstrap with a given ID and namespace and no variations.
func WithIdentity(id, namespace string, opts *options.Options) Payload {
	e := &encoder{rnd: Lowest{}}
	body := wire.Message{wire.String(1, id), wire.String(2, namespace), wire.String(4, "2.3.7"),
		wire.Bytes(8, e.extension(contract.OptionsName, e.options(opts)))}.Encode()
	return Payload{body, Sent(opts), fmt.Sprintf("BootstrapParams of ID %q in namespace %q", id, namespace)}
}

// PlainAny is an Any as proto.Marshal writes it, of any type URL and value.
func PlainAny(url string, value []byte) []byte {
	return (&encoder{rnd: Lowest{}}).legacy(url, value)
}

// AnyOf is PlainAny with variations, with the outcome of the plain one.
func AnyOf(rnd Rand, url string, value []byte, want contract.Outcome) Payload {
	e := &encoder{rnd: rnd, variations: Order | Varint | Default | Unknown}
	return Payload{e.legacy(url, value), want, fmt.Sprintf("legacy Any of %q", url)}
}

// PlainParams is BootstrapParams with opts, which may be any bytes, as the value
// of its Options extension.
func PlainParams(opts []byte) []byte {
	return (&encoder{rnd: Lowest{}}).params(opts)
}

// ParamsOf is PlainParams with variations, with the outcome of the plain one.
func ParamsOf(rnd Rand, opts []byte, want contract.Outcome) Payload {
	e := &encoder{rnd: rnd, variations: AllVariations}
	return Payload{e.params(opts), want, "BootstrapParams around fuzzed options"}
}

// OneOption is options with the log level set: every version has that field, and
// no namespace spells it.
func OneOption() *options.Options { return &options.Options{LogLevel: "warn"} }

// nearNames are almost the name of Options.
var nearNames = []string{
	"", "Options", "containerd.runhcs.v1.options", "containerd.runhcs.v1.Option", "containerd.runhcs.v1.OptionsX",
	"xcontainerd.runhcs.v1.Options", "containerd.runhcs.v1.Options/", "/containerd.runhcs.v1.Options/x",
	"containerd.runhcs.v2.Options", " containerd.runhcs.v1.Options", "containerd.runhcs.v1.Options\x00",
	"type.googleapis.com\\containerd.runhcs.v1.Options", "CONTAINERD.RUNHCS.V1.OPTIONS",
	"containerd.runhcs.v1.ProcessDetails",
}

// otherNames are types that containerd's clients send to other shims.
var otherNames = []string{
	"runtimeoptions.v1.Options", "containerd.runc.v1.Options", "google.protobuf.Empty",
	"types.containerd.io/opencontainers/runtime-spec/1/Spec",
	"github.com/Microsoft/hcsshim/pkg/ctrdtaskapi/PolicyFragment",
}

// ForeignName draws a type URL of another type than Options.
func ForeignName(rnd Rand) string {
	switch rnd.Intn(3) {
	case 0:
		return pick(rnd, nearNames)
	case 1:
		return pick(rnd, otherNames)
	}
	name := pick(rnd, RegisteredNames())
	if name == contract.OptionsName {
		return "runtimeoptions.v1.Options"
	}
	return name
}

// Foreign draws a legacy Any of another type. What its value holds makes no
// difference, except where URL and value could be an ID and a namespace.
func Foreign(rnd Rand) Payload {
	e := &encoder{rnd: rnd, variations: Order | Varint | Repeat | Default | Unknown}
	return foreign(e, ForeignName(rnd), ForeignValue(rnd))
}

// ForeignAs is Foreign with a given URL and value and no variations.
func ForeignAs(url string, value []byte) Payload {
	return foreign(&encoder{rnd: Lowest{}}, url, value)
}

func foreign(e *encoder, url string, value []byte) Payload {
	want := contract.Outcome{Kind: contract.Foreign}
	if stdin.IsIdentifier(url) && stdin.IsIdentifier(string(value)) {
		want = Sent(nil)
	}
	return Payload{e.legacy(url, value), want, fmt.Sprintf("legacy Any of another type, %q", url)}
}

// ForeignValue draws the value of an Any of another type.
func ForeignValue(rnd Rand) []byte {
	switch rnd.Intn(5) {
	case 0:
		return nil
	case 1:
		return (&encoder{rnd: rnd}).options(Options(rnd))
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
	return pick(e.rnd, []string{"type.googleapis.com/", "/", "//", "example.com/a/b/", "C:/", "ü/", "containerd.runhcs.v1.Options/"}) + name
}

// legacy encodes an Any at the top level.
func (e *encoder) legacy(url string, value []byte) []byte {
	return e.assemble(LegacyTop, e.anyParts(url, value), e.legacyUnknown)
}

// legacyUnknown keeps clear of the fields that would make the message a
// BootstrapParams: it draws 10 and above, or one of those with another wire type.
func (e *encoder) legacyUnknown() wire.Part {
	if !oneIn(e.rnd, 4) {
		return e.unknownFrom(10)
	}
	fd := paramsDescriptor.Fields().ByNumber(protowire.Number(3 + e.rnd.Intn(7)))
	return e.unknownPart(fd.Number(), wireType(fd))
}

func (e *encoder) anyParts(url string, value []byte) []keyed {
	var parts []keyed
	if e.has(Repeat) {
		parts = append(parts, keyed{wire.String(1, pick(e.rnd, nearNames)), "url"})
		parts = append(parts, keyed{wire.String(2, "overwritten"), "value"})
	}
	parts = append(parts, keyed{wire.String(1, url), "url"})
	if len(value) == 0 && len(parts) == 1 && !e.has(Default) {
		return parts // as proto.Marshal leaves out an empty value
	}
	return append(parts, keyed{wire.Bytes(2, value), "value"})
}

// extension encodes an Extension that holds an Any, in one piece or in several.
func (e *encoder) extension(url string, value []byte) []byte {
	parts := e.anyParts(url, value)
	split := len(parts)
	if e.has(Repeat) {
		split = e.rnd.Intn(len(parts) + 1)
	}
	pieces := []keyed{{wire.Bytes(1, e.anyBody(parts[:split])), "value"}}
	if split < len(parts) {
		pieces = append(pieces, keyed{wire.Bytes(1, e.anyBody(parts[split:])), "value"})
	}
	return e.assemble(InExtension, pieces, func() wire.Part { return e.unknownFrom(2) })
}

func (e *encoder) anyBody(parts []keyed) []byte {
	return e.assemble(InAny, parts, func() wire.Part { return e.unknownFrom(3) })
}

// bootstrap encodes BootstrapParams around options; nil options are no extension.
func (e *encoder) bootstrap(opts *options.Options) []byte {
	if opts == nil {
		return e.params(nil)
	}
	return e.params(e.options(opts))
}

// params encodes BootstrapParams around encoded options, unless those are nil.
func (e *encoder) params(opts []byte) []byte {
	parts := e.ambient()
	ext := func(body []byte) { parts = append(parts, keyed{wire.Bytes(8, body), "extensions"}) }
	if e.has(Neighbours) {
		n := 1 + e.rnd.Intn(2)
		if oneIn(e.rnd, 8) {
			n = 40
		}
		for range n {
			ext(e.neighbour())
		}
	}
	if opts != nil {
		ext(e.extension(e.url(contract.OptionsName), opts))
	}
	if e.has(Neighbours) {
		ext(e.neighbour())
		if opts != nil && e.rnd.Intn(2) == 0 {
			ext(e.plain().extension(contract.OptionsName, e.secondOptions()))
		}
	}
	return e.assemble(BootstrapTop, parts, func() wire.Part { return e.unknownOf(paramsDescriptor) })
}

// plain is an encoder without variations and without damage.
func (e *encoder) plain() *encoder { return &encoder{rnd: e.rnd} }

// secondOptions is what an Options extension behind the first may hold: other
// options, or bytes that do not decode.
func (e *encoder) secondOptions() []byte {
	if e.rnd.Intn(2) == 0 {
		return []byte{0xff}
	}
	return e.plain().options(Options(e.rnd))
}

// neighbour is an extension of another type, which must be ignored whatever it holds.
func (e *encoder) neighbour() []byte {
	switch e.rnd.Intn(4) {
	case 0:
		return nil // no value
	case 1:
		return wire.Message{wire.Sub(1)}.Encode() // an empty Any
	}
	return e.plain().extension(ForeignName(e.rnd), ForeignValue(e.rnd))
}

// ambient is every field but the extensions, as containerd sets them, or
// with any legal value.
func (e *encoder) ambient() []keyed {
	d := Daemon{Version: "v2.3.7", TTRPC: `\\.\pipe\containerd-containerd.ttrpc`, GRPC: `\\.\pipe\containerd-containerd`, Binary: `C:\Program Files\containerd\containerd.exe`}
	id, namespace := "web-1", "default"
	if e.has(Ambient) {
		id, namespace = ID(e.rnd), Namespace(e.rnd)
		d.Level = pick(e.rnd, []int64{0, -8, -4, 4, 8, 10, 12, 1, -2147483648})
		d.Version = pick(e.rnd, []string{"2.3.0", "v2.4.2", "2.5.0-rc.1+unknown", ""})
		d.SocketDir = pick(e.rnd, []string{"", "/run/containerd/s", `C:\ProgramData\s`, contract.OptionsName})
		d.TTRPC = pick(e.rnd, []string{d.TTRPC, "unix:///run/containerd/containerd.sock.ttrpc", "/run/c.ttrpc", "", "ü"})
		d.GRPC = pick(e.rnd, []string{d.GRPC, "/run/containerd/containerd.sock", "", contract.OptionsName})
		d.Binary = pick(e.rnd, []string{d.Binary, "/usr/bin/containerd", "", "日本"})
	}
	parts := d.before(id, namespace)
	if d.Level == 0 && e.has(Default) {
		parts = append(parts, keyed{wire.Int(3, 0), "log_level"})
	}
	if d.SocketDir != "" || e.has(Ambient) {
		parts = append(parts, keyed{wire.String(9, d.SocketDir), "socket_dir"})
	}
	if e.has(Repeat) {
		decoy := pick(e.rnd, parts)
		part := wire.String(decoy.Num(), "overwritten")
		if decoy.Num() == 3 {
			part = wire.Int(3, 10)
		}
		parts = append([]keyed{{part, decoy.key}}, parts...)
	}
	return parts
}
