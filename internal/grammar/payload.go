package grammar

import (
	"fmt"
	"regexp"

	"github.com/Microsoft/hcsshim/cmd/containerd-shim-runhcs-v1/options"
	bootstrap "github.com/containerd/containerd/api/runtime/bootstrap/v1"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/anypb"

	"shimfuzz/internal/contract"
	"shimfuzz/internal/stdin"
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

var caseFile = regexp.MustCompile(`^corpus/[^ ,]+\.bin$`)

// IsKept reports whether the payload is a case of the corpus, whose file its description is.
func (p Payload) IsKept() bool { return caseFile.MatchString(p.Description) }

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

// families are the messages in which options are sent: a bare Any as containerd up to 2.2
// sends it, and BootstrapParams, as containerd from 2.3 on does.
var (
	families    = []Level{Legacy, Bootstrap}
	familyNames = map[Level]string{Legacy: "legacy Any", Bootstrap: "BootstrapParams"}
)

// Encode encodes options for a family, which is Legacy or Bootstrap. In BootstrapParams they
// are an extension, and nil options are none. It clears fields that are never drawn.
func (g *Grammar) Encode(rnd Rand, variations Variations, family Level, opts proto.Message) Payload {
	return Payload{Bytes: g.encoder(rnd, variations).options(family, opts), Want: Sent(opts),
		Description: familyNames[family] + " with Options"}
}

func (e *encoder) options(family Level, opts proto.Message) []byte {
	if isNone(opts) {
		return e.params(nil)
	}
	for _, f := range e.g.sites[Options].fields {
		if !f.drawn { // a fuzzer may have set it
			opts.ProtoReflect().Clear(f.FieldDescriptor)
		}
	}
	value := e.message(Options, opts)
	if family == Legacy {
		return e.message(Legacy, &anypb.Any{TypeUrl: e.url(), Value: value})
	}
	return e.params(value)
}

// Valid draws options and encodes them for one family or the other.
func (g *Grammar) Valid(rnd Rand, variations Variations) Payload {
	family := pick(rnd, families)
	if family == Bootstrap && oneIn(rnd, 8) {
		return g.Encode(rnd, variations, family, nil)
	}
	return g.Encode(rnd, variations, family, g.Options(rnd))
}

// sometimes is the variations half of the time: a decoder that refuses one must not pass
// where another reason to refuse is the point.
func sometimes(rnd Rand, variations Variations) Variations {
	if rnd.Intn(2) == 0 {
		return 0
	}
	return variations
}

// Any is an Any of any type URL and value, with variations that leave it its outcome.
func (g *Grammar) Any(rnd Rand, variations Variations, url string, value []byte) []byte {
	return g.encoder(rnd, variations).message(Legacy, &anypb.Any{TypeUrl: url, Value: value})
}

// PlainAny is an Any as proto.Marshal writes it, of any type URL and value.
func PlainAny(url string, value []byte) []byte { return RunHCS.Any(Lowest{}, 0, url, value) }

// Minimal draws a BootstrapParams of nothing but an ID and a namespace, which
// looks like a legacy Any of foreign options and is neither.
func (g *Grammar) Minimal(rnd Rand) Payload {
	id := ID(rnd)
	for id == g.name {
		id = pick(rnd, identifiers)
	}
	return Payload{Bytes: g.Any(rnd, sometimes(rnd, Order|Varint|Unknown), id, []byte(Namespace(rnd))), Want: Sent(nil),
		Description: "BootstrapParams of an ID and a namespace only"}
}

// Foreign draws a legacy Any of another type. What its value holds makes no
// difference, except where URL and value could be an ID and a namespace.
func (g *Grammar) Foreign(rnd Rand) Payload {
	variations := sometimes(rnd, Order|Varint|Repeat|Default|Unknown)
	return g.ForeignAs(rnd, variations, g.ForeignName(rnd), g.ForeignValue(rnd))
}

// ForeignAs is Foreign with a given URL and value.
func (g *Grammar) ForeignAs(rnd Rand, variations Variations, url string, value []byte) Payload {
	want := contract.Outcome{Kind: contract.Foreign}
	if stdin.IsIdentifier(url) && stdin.IsIdentifier(string(value)) {
		want = Sent(nil)
	}
	return Payload{Bytes: g.Any(rnd, variations, url, value), Want: want, Description: "legacy Any of another type"}
}

// ForeignName draws a type URL of another type.
func (g *Grammar) ForeignName(rnd Rand) string {
	switch rnd.Intn(3) {
	case 0:
		return pick(rnd, g.nearNames)
	case 1:
		return pick(rnd, g.OtherNames)
	}
	name := pick(rnd, RegisteredNames())
	if name == g.name {
		return g.OtherNames[0]
	}
	return name
}

// ForeignValue draws the value of an Any of another type.
func (g *Grammar) ForeignValue(rnd Rand) []byte {
	switch rnd.Intn(5) {
	case 0:
		return nil
	case 1:
		return g.marshal(Options, g.Options(rnd))
	case 2:
		return []byte(Namespace(rnd))
	case 3:
		return []byte(`{"ociVersion":"1.2.0"}`)
	}
	return randomBytes(rnd, rnd.Intn(12))
}

// WithIdentity is BootstrapParams with hcsshim's Options, of a given ID and namespace and
// with no variations.
func WithIdentity(id, namespace string, opts *options.Options) Payload {
	params := &bootstrap.BootstrapParams{InstanceID: id, Namespace: namespace, ContainerdVersion: "2.3.7",
		Extensions: []*bootstrap.Extension{extensionOf(contract.OptionsName, RunHCS.marshal(Options, opts))}}
	return Payload{Bytes: RunHCS.marshal(Bootstrap, params), Want: Sent(opts),
		Description: fmt.Sprintf("BootstrapParams of ID %q in namespace %q", id, namespace)}
}

// ParamsAround is BootstrapParams with variations, and with opts, which may be any bytes, as the
// value of its Options extension.
func (g *Grammar) ParamsAround(rnd Rand, variations Variations, opts []byte) []byte {
	return g.encoder(rnd, variations).params(opts)
}

func extensionOf(url string, value []byte) *bootstrap.Extension {
	return &bootstrap.Extension{Value: &anypb.Any{TypeUrl: url, Value: value}}
}

// url draws a type URL of Options: bare, as typeurl has it, unless the encoder varies the
// prefix.
func (e *encoder) url() string {
	if !e.has(URL) {
		return e.g.name
	}
	return pick(e.rnd, prefixes) + e.g.name
}

// params encodes BootstrapParams around encoded options, unless those are nil.
func (e *encoder) params(opts []byte) []byte {
	params := &bootstrap.BootstrapParams{InstanceID: "web-1", Namespace: "default", ContainerdVersion: "v2.3.7",
		ContainerdTtrpcAddress: `\\.\pipe\containerd-containerd.ttrpc`,
		ContainerdGrpcAddress:  `\\.\pipe\containerd-containerd`,
		ContainerdBinary:       `C:\Program Files\containerd\containerd.exe`}
	if e.has(Ambient) {
		e.ambient(params.ProtoReflect())
	}
	add := func(x *bootstrap.Extension) { params.Extensions = append(params.Extensions, x) }
	if e.has(Neighbours) {
		n := 1 + e.rnd.Intn(2)
		if oneIn(e.rnd, 8) {
			n = pick(e.rnd, e.g.counts[:min(9, len(e.g.counts))])
		}
		for range n {
			add(e.g.neighbour(e.rnd))
		}
	}
	if opts != nil {
		ours := extensionOf(e.url(), opts)
		add(ours)
		e.ours = ours
	}
	if e.has(Neighbours) {
		add(e.g.neighbour(e.rnd))
		if opts != nil && e.rnd.Intn(2) == 0 {
			add(extensionOf(e.g.name, e.g.ForeignValue(e.rnd)))
		}
	}
	return e.message(Bootstrap, params)
}

// neighbour is an extension of another type, which must be ignored whatever it holds.
func (g *Grammar) neighbour(rnd Rand) *bootstrap.Extension {
	switch rnd.Intn(4) {
	case 0:
		return new(bootstrap.Extension)
	case 1:
		return extensionOf("", nil)
	}
	return extensionOf(g.ForeignName(rnd), g.ForeignValue(rnd))
}

// ambient draws the fields of BootstrapParams that are not options, or leaves them out, but
// for one that an Any does not have.
func (e *encoder) ambient(params protoreflect.Message) {
	e.marker = pick(e.rnd, ambientTexts)
	for _, f := range e.g.sites[Bootstrap].fields {
		switch {
		case !f.drawn:
		case f.num != e.marker && oneIn(e.rnd, 4):
			params.Clear(f.FieldDescriptor)
		default:
			params.Set(f.FieldDescriptor, e.g.scalar(e.rnd, Bootstrap, f))
		}
	}
}
