package grammar

import (
	"fmt"
	"slices"

	"google.golang.org/protobuf/encoding/protowire"

	"shimfuzz/internal/contract"
	"shimfuzz/internal/stdin"
	"shimfuzz/internal/wire"
)

// url is a type URL as field 1 of an Any.
func (g *Grammar) url(s string) Token {
	t := text(1, "type URL "+short(s), "", s)
	t.means.ours = stdin.TypeName(s) == g.name
	return t
}

// foreign is a type URL of another type.
func (g *Grammar) foreign() Token {
	name := "containerd.runc.v1.Options"
	if name == g.name {
		name = contract.OptionsName
	}
	return g.url(name)
}

// identity is an ID, or a namespace, which in an Any would be its value. What a
// namespace says as Options is known of some; Options of other types know other fields.
func (g *Grammar) identity(num protowire.Number, s string) Token {
	if num == 1 {
		return text(1, "ID "+short(s), "R4b", s)
	}
	t := text(2, "namespace "+short(s), "R4b", s)
	says, known := asOptions[s]
	if !known || says.Kind != Fault && g.name != contract.OptionsName {
		says.Kind = Unclear
	}
	if s != "" {
		t.means.inside = []Token{says}
	}
	return t
}

// value is the value of an Any, of these tokens of Options.
func value(name string, inside ...Token) Token { return message(2, "value: "+name, "", inside...) }

// piece is an Any in an Extension, or one of several pieces of it.
func piece(name string, inside ...Token) Token { return message(1, "Any: "+name, "", inside...) }

// extension is an extension of BootstrapParams.
func extension(name, rules string, inside ...Token) Token {
	return message(8, "extension: "+name, rules, inside...)
}

// inExtension is an extension with the Options that the tokens say.
func (g *Grammar) inExtension(opts ...Token) Token {
	return extension("Options of "+Names(opts), "family", piece("Options", g.ours, value("Options", opts...)))
}

// version makes a payload one of BootstrapParams.
var version = text(4, "version", "", "2.3.7")

// damaged is not Options, and invalid is nothing at any level.
var (
	damaged = part("ff", "", wire.Raw([]byte{0xff})).fault()
	invalid = part("wire-type-6", "M2", wire.Tag(1, 6)).fault()
)

// anyTokens are those of an Any: as field 1 of an Extension, and, without what
// depends on the family, at the top level.
func (g *Grammar) anyTokens() []Token {
	list := []Token{g.ours, g.foreign(), g.url(""), g.url("example.com/" + g.name)}
	for _, prefix := range prefixes {
		t := g.url(prefix + g.name)
		t.Rules = "url"
		list = append(list, t.single())
	}
	for _, near := range g.nearNames {
		list = append(list, g.url(near).single())
	}
	for _, name := range g.OtherNames {
		list = append(list, g.url(name).single())
	}
	debug := value("debug", g.sent)
	list = append(list, debug, value("another", g.sentOther), value("nothing"), value("damaged", damaged),
		value("cut", part("value-cut", "", wire.Raw([]byte{0x08})).open()))
	return slices.Concat(list, otherType(1, protowire.BytesType), otherType(2, protowire.BytesType),
		g.ours.wide("type URL", tagAndLength...), debug.wide("value", width{"length", widestTag}, width{"length", 10}))
}

// extensionTokens are those of an Extension.
func (g *Grammar) extensionTokens() []Token {
	debug := value("debug", g.sent)
	whole := piece("debug", g.ours, debug)
	return slices.Concat([]Token{
		whole, piece("another", g.ours, value("another", g.sentOther)), piece("another type", g.foreign(), debug),
		piece("type URL", g.ours), piece("value", debug), piece("damaged value", value("damaged", damaged)),
		piece("nothing"), piece("type URL of another", g.foreign()), piece("damaged", invalid),
		piece("empty type URL", g.url("")), piece("empty value", value("nothing")),
		piece("unknown", unknowns(g.sites[Any])[0]),
	}, whole.wide("Any", tagAndLength...), otherType(1, protowire.BytesType), g.pieces(),
		each(faultsOf(Any, g.sites[Any]), func(f Token) Token { return piece("damaged by "+f.Name, f).single() }))
}

// pieces are an Any in many pieces, most of them empty.
func (g *Grammar) pieces() (list []Token) {
	of := func(n int) Token {
		pieces := slices.Repeat([]Token{piece("nothing")}, n)
		pieces[0], pieces[n-1] = piece("type URL", g.ours), piece("value", value("debug", g.sent))
		return block(fmt.Sprintf("Any in %d pieces", n), "S2 repeat", pieces...)
	}
	for _, n := range Counts {
		list = append(list, of(n))
	}
	whole, other := piece("", g.ours, value("", g.sent)), piece("", g.foreign(), value("", g.sentOther))
	half := piece("damaged value", g.ours, value("damaged", damaged))
	return append(list, block("a damaged value that is overwritten", "repeat", half, piece("", value("", g.sent))),
		block("a value that a damaged one overwrites", "repeat", whole, half),
		block("a piece that comes again", "repeat", whole, other, whole))
}

// extensions are those of BootstrapParams: ours, and what may stand beside them.
func (g *Grammar) extensions() []Token {
	debug := value("debug", g.sent)
	anyOf := func(url Token, value ...Token) Token { return piece("Options", append([]Token{url}, value...)...) }
	other := extension("another type", "neighbours", anyOf(g.foreign(), debug))
	whole := g.inExtension(g.sent)
	list := append([]Token{
		whole, g.inExtension(g.sentOther), g.inExtension(), g.inExtension(damaged), other,
		extension("type URL with a prefix", "url", anyOf(g.url("type.googleapis.com/"+g.name), debug)),
		extension("another type, value damaged", "neighbours", anyOf(g.foreign(), value("damaged", damaged))),
		extension("another type, not linked", "neighbours", anyOf(g.url("nri.v1.PluginConfig"))),
		extension("another type, Any damaged", "neighbours M2", anyOf(g.foreign(), invalid)),
		extension("damaged", "neighbours M2", invalid),
		extension("damaged behind ours", "neighbours M2", anyOf(g.ours, debug), piece("damaged", invalid)),
		extension("without value", "neighbours"), extension("empty Any", "neighbours", piece("nothing")),
		extension("type URL not UTF-8", "M11", piece("damaged", g.url("\xff").fault())),
	}, whole.wide("extension", tagAndLength...)...)
	for _, n := range Counts {
		list = append(list, block(fmt.Sprintf("ours behind %d extensions", n), "S2 neighbours",
			append(slices.Repeat([]Token{other}, n), whole)...))
	}
	list = append(list, block("three Options", "neighbours", whole, g.inExtension(g.sentOther), g.inExtension()))
	return append(list, each(faultsOf(Extension, g.sites[Extension]), func(f Token) Token {
		return extension("damaged by "+f.Name, "", f).single()
	})...)
}

// ambientTexts are the fields of BootstrapParams that are neither options nor an identity,
// but for the log level.
var ambientTexts = []protowire.Number{4, 5, 6, 7, 9}

// ambient are the fields of BootstrapParams that are not options.
func ambient() (list []Token) {
	for _, v := range logLevels {
		t := varint(3, fmt.Sprintf("log_level %d", v), "ambient", uint64(v))
		t.Single = v != 0 && v != -4
		list = append(list, t)
	}
	list = append(list, varint(3, "log_level over 64 bits", "over-64-bits", 0, wire.Tag(3, protowire.VarintType),
		over64(0x80, 2)).free("over-64-bits"))
	for _, num := range ambientTexts {
		name := fmt.Sprintf("field %d", num)
		list = append(list, text(num, name+" of a text", "ambient", "a"),
			text(num, name+" empty", "ambient default", ""))
		for _, s := range addresses {
			list = append(list, text(num, name+" of "+short(s), "ambient", s).single())
		}
		bad := notUTF8(num, name+" ")
		list = append(append(list, bad[0]), each(bad[1:], Token.single)...)
	}
	return list
}

// identities are the fields 1 and 2 as either family has them.
func (g *Grammar) identities() (list []Token) {
	add := func(s, rules string, single bool) {
		for num := range protowire.Number(2) {
			t := g.identity(num+1, s)
			t.Rules, t.Single = rules, single
			list = append(list, t)
		}
	}
	for _, n := range namespaces {
		list = append(list, g.identity(1, n).single(), g.identity(2, n))
	}
	for i, s := range identifiers {
		add(s, "R4b", i > 5)
	}
	for _, s := range notIdentifiers {
		add(s, "R4b", false)
	}
	for i, bad := range invalidUTF8 {
		add(bad.Text, "M11 overwritten", i > 1)
	}
	return list
}

// topTokens are those of the top level, of which the other levels hang.
func (g *Grammar) topTokens() []Token {
	list := slices.Concat(g.anyTokens(), g.identities(), ambient(), g.extensions(), otherType(3, protowire.VarintType))
	for num := protowire.Number(4); num <= 9; num++ {
		list = append(list, otherType(num, protowire.BytesType)...)
	}
	return list
}
