package grammar

import (
	"fmt"
	"slices"
	"strings"

	"google.golang.org/protobuf/encoding/protowire"

	"shimfuzz/internal/contract"
	"shimfuzz/internal/stdin"
	"shimfuzz/internal/wire"
)

// url is a type URL as field 1 of an Any, of another type than Options.
func url(s string) Token {
	e := text(1, "type URL "+short(s), "", s)
	e.means.id = stdin.IsIdentifier(s)
	return e
}

// ourURL is a type URL that names Options.
func (g *Grammar) ourURL(prefix string) Token {
	e := url(prefix + g.name)
	e.means.ours = true
	return e
}

// identity is an ID, or a namespace, which in an Any would be its value. What a
// namespace says as Options is known of some.
func identity(num protowire.Number, s string, asOptions ...Token) Token {
	name := map[protowire.Number]string{1: "ID ", 2: "namespace "}[num]
	e := text(num, name+short(s), "R4b", s)
	e.means.id, e.means.inside = stdin.IsIdentifier(s), asOptions
	if num == 2 && len(asOptions) == 0 && s != "" {
		e.means.inside = []Token{{Name: "text", Kind: Unclear}}
	}
	return e
}

// value is the value of an Any, of these tokens of Options.
func value(name string, inside ...Token) Token {
	return message(2, "value: "+name, inside...)
}

var damaged = raw("ff", "", []byte{0xff}).fault()

// foreign is a type URL of another type.
func (g *Grammar) foreign() Token {
	name := "containerd.runc.v1.Options"
	if name == g.name {
		name = contract.OptionsName
	}
	return url(name)
}

// anyTokens are those of an Any: as field 1 of an Extension, and, without what
// depends on the family, at the top level.
func (g *Grammar) anyTokens() (list []Token) {
	list = append(list, g.ours, g.foreign(), url(""), g.ourURL("example.com/"))
	for _, prefix := range Prefixes {
		e := g.ourURL(prefix)
		e.Rules = "url"
		list = append(list, e.single())
	}
	for _, near := range g.nearNames {
		list = append(list, url(near.URL).single())
	}
	for _, name := range g.otherNames {
		list = append(list, url(name).single())
	}
	list = append(list, value("debug", g.sent), value("another", g.sentOther), value("nothing"),
		value("damaged", damaged),
		value("cut", part("value-cut", "", wire.Raw([]byte{0x08})).open()))
	list = append(list, otherType(1, protowire.BytesType)...)
	list = append(list, otherType(2, protowire.BytesType)...)
	p, opts := wire.String(1, g.name), wire.Bytes(2, g.sent.Bytes)
	saying := value("debug", g.sent)
	return append(list,
		part("type URL with its tag in 5 bytes", "varint", p.WideTag(5)).like(g.ours),
		part("type URL with its length in 5 bytes", "varint", p.Wide(5)).like(g.ours),
		part("type URL with its tag in 6 bytes", "wide-tag", p.WideTag(6)).like(g.ours).free("wide-tag"),
		part("type URL with its length in 6 bytes", "wide-tag", p.Wide(6)).like(g.ours).free("wide-tag"),
		part("value with its length in 5 bytes", "varint", opts.Wide(5)).like(saying),
		part("value with its length in 10 bytes", "wide-tag", opts.Wide(10)).like(saying).free("wide-tag"))
}

// piece is an Any in an Extension, or one of several pieces of it.
func piece(name string, inside ...Token) Token { return message(1, "Any: "+name, inside...) }

// extensionTokens are those of an Extension.
func (g *Grammar) extensionTokens() []Token {
	whole := piece("debug", g.ours, value("debug", g.sent))
	p := wire.String(1, whole.means.text)
	return append([]Token{
		whole, piece("another", g.ours, value("another", g.sentOther)), piece("another type", g.foreign(),
			value("debug", g.sent)),
		piece("type URL", g.ours), piece("value", value("debug", g.sent)), piece("damaged value",
			value("damaged", damaged)), piece("nothing"),
		piece("type URL of another", g.foreign()), piece("damaged", g.faults()[Any][0]),
		piece("unknown", unknowns(g.sites[Any])[0]),
		part("Any with its tag in 5 bytes", "varint", p.WideTag(5)).like(whole),
		part("Any with its length in 5 bytes", "varint", p.Wide(5)).like(whole),
		part("Any with its tag in 6 bytes", "wide-tag", p.WideTag(6)).like(whole).free("wide-tag"),
		part("Any with its length in 6 bytes", "wide-tag", p.Wide(6)).like(whole).free("wide-tag"),
	}, otherType(1, protowire.BytesType)...)
}

// extension is an extension of BootstrapParams.
func extension(name, rules string, inside ...Token) Token {
	e := message(8, "extension: "+name, inside...)
	e.Rules = rules
	return e
}

// inExtension is an extension with the Options that the tokens say.
func (g *Grammar) inExtension(opts ...Token) Token {
	return extension("Options of "+Names(opts), "family", piece("Options", g.ours, value("Options", opts...)))
}

// extensions are those of BootstrapParams: ours, and what may stand beside them.
func (g *Grammar) extensions() []Token {
	damagedAny := piece("damaged", g.faults()[Any][0])
	other := extension("another type", "neighbours", piece("another type", g.foreign(), value("debug", g.sent)))
	whole := g.inExtension(g.sent)
	p := wire.Bytes(8, []byte(whole.means.text))
	list := []Token{
		whole, g.inExtension(g.sentOther), g.inExtension(), g.inExtension(damaged), other,
		extension("type URL with a prefix", "url", piece("Options", g.ourURL("type.googleapis.com/"),
			value("debug", g.sent))),
		extension("another type, value damaged", "neighbours", piece("another type", g.foreign(),
			value("damaged", damaged))),
		extension("another type, not linked", "neighbours", piece("another type", url("nri.v1.PluginConfig"))),
		extension("another type, Any damaged", "neighbours M2", piece("another type", g.foreign(), g.faults()[Any][0])),
		extension("damaged", "neighbours M2", g.faults()[Extension][0]), extension("damaged behind ours",
			"neighbours M2",
			piece("Options", g.ours, value("debug", g.sent)), damagedAny),
		extension("without value", "neighbours"), extension("empty Any", "neighbours", piece("nothing")),
		extension("type URL not UTF-8", "M11", piece("damaged",
			part("utf8-invalid", "", wire.String(1, "\xff")).fault())),
		part("extension with its tag in 5 bytes", "varint", p.WideTag(5)).like(whole),
		part("extension with its length in 5 bytes", "varint", p.Wide(5)).like(whole),
		part("extension with its tag in 6 bytes", "wide-tag", p.WideTag(6)).like(whole).free("wide-tag"),
		part("extension with its length in 6 bytes", "wide-tag", p.Wide(6)).like(whole).free("wide-tag"),
	}
	for _, n := range Counts {
		list = append(list, block(fmt.Sprintf("ours behind %d extensions", n), "S2 neighbours",
			append(slices.Repeat([]Token{other}, n), whole)...))
	}
	return list
}

// LogLevels are values of log_level, which is an open enum: containerd's, and the
// edges of 32 and of 64 bits.
var LogLevels = []int64{0, -8, -4, 4, 8, 10, 12, 1, 99, 1<<31 - 1, -1 << 31, 1 << 31, 1 << 32, 1<<63 - 1, -1 << 63}

// Addresses are values of the fields of BootstrapParams that are no identity.
var Addresses = []string{
	`\\.\pipe\containerd-containerd`, "/run/containerd/containerd.sock", `C:\Program Files\containerd\containerd.exe`,
	"unix:///run/c.sock.ttrpc",
	"2.3.7", "v2.4.2", "2.5.0-rc.1+unknown", "ü", "日本", "", contract.OptionsName,
}

// ambient are the fields of BootstrapParams that are not options.
func ambient() (list []Token) {
	for _, v := range LogLevels {
		e := part(fmt.Sprintf("log_level %d", v), "ambient", wire.Int(3, v))
		e.means.field = 3
		e.Single = v != 0 && v != -4
		list = append(list, e)
	}
	over := part("log_level over 64 bits", "over-64-bits", wire.Tag(3, protowire.VarintType),
		over64(0x80, 2)).free("over-64-bits")
	over.means.field = 3
	list = append(list, over)
	for _, num := range []protowire.Number{4, 5, 6, 7, 9} {
		list = append(list, text(num, fmt.Sprintf("field %d of a text", num), "ambient", "a"),
			text(num, fmt.Sprintf("field %d empty", num), "ambient default", ""))
		for _, s := range slices.Concat(Addresses, Texts) {
			list = append(list, text(num, fmt.Sprintf("field %d of %s", num, short(s)), "ambient", s).single())
		}
		for _, n := range Sizes {
			list = append(list, text(num, fmt.Sprintf("field %d of %d bytes", num, n), "ambient S2",
				strings.Repeat("x", n)).single())
		}
		for i, bad := range NotUTF8 {
			e := text(num, fmt.Sprintf("field %d utf8-%s", num, bad.Name), "M11", bad.Text)
			e.Single = i > 0
			list = append(list, e)
		}
	}
	return list
}

// identities are the fields 1 and 2 as either family has them.
func (g *Grammar) identities() (list []Token) {
	for _, n := range Namespaces {
		list = append(list, identity(1, n).single(), identity(2, n, g.asOptions(n)...))
	}
	for i, s := range Identifiers {
		id, namespace := identity(1, s), identity(2, s)
		id.Single, namespace.Single = i > 5, i > 5
		list = append(list, id, namespace)
	}
	for _, s := range NotIdentifiers {
		list = append(list, identity(1, s), identity(2, s))
	}
	for i, bad := range NotUTF8 {
		id, namespace := identity(1, bad.Text), identity(2, bad.Text)
		id.Rules, namespace.Rules = "M11 overwritten", "M11 overwritten"
		id.Single, namespace.Single = i > 1, i > 1
		list = append(list, id, namespace)
	}
	return list
}

// topTokens are those of the top level, of which the other levels hang.
func (g *Grammar) topTokens() []Token {
	list := slices.Concat(g.anyTokens(), g.identities(), ambient(), g.extensions())
	for num := protowire.Number(3); num <= 9; num++ {
		typ := protowire.BytesType
		if num == 3 {
			typ = protowire.VarintType
		}
		list = append(list, otherType(num, typ)...)
	}
	return list
}
