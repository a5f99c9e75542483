package vocabulary

import (
	"fmt"
	"iter"
	"slices"
	"strings"

	"google.golang.org/protobuf/encoding/protowire"

	"shimfuzz/internal/contract"
	"shimfuzz/internal/wire"
)

// url is a type URL as field 1 of an Any, of another type than Options.
func url(s string) Element {
	e := text(1, "type URL "+short(s), "", s)
	e.says.id = isIdentifier(s)
	return e
}

// ourURL is a type URL that names Options.
func (v *Vocabulary) ourURL(prefix string) Element {
	e := url(prefix + v.name)
	e.says.ours = true
	return e
}

// identity is an ID, or a namespace, which in an Any would be its value. What a
// namespace says as Options is known of some.
func identity(num protowire.Number, s string, asOptions ...Element) Element {
	name := map[protowire.Number]string{1: "ID ", 2: "namespace "}[num]
	e := text(num, name+short(s), "R4b", s)
	e.says.id, e.says.inside = isIdentifier(s), asOptions
	if num == 2 && len(asOptions) == 0 && s != "" {
		e.says.inside = []Element{{Name: "text", Kind: Unclear}}
	}
	return e
}

// value is the value of an Any, of these elements of Options.
func value(name string, inside ...Element) Element {
	return message(2, "value: "+name, inside...)
}

var damaged = raw("ff", "", []byte{0xff}).fault()

// foreign is a type URL of another type.
func (v *Vocabulary) foreign() Element {
	name := "containerd.runc.v1.Options"
	if name == v.name {
		name = contract.OptionsName
	}
	return url(name)
}

// anyElements are those of an Any: as field 1 of an Extension, and, without what
// depends on the family, at the top level.
func (v *Vocabulary) anyElements() (list []Element) {
	list = append(list, v.ours, v.foreign(), url(""), v.ourURL("example.com/"))
	for _, prefix := range Prefixes {
		e := v.ourURL(prefix)
		e.Rules = "url"
		list = append(list, e.alone())
	}
	for _, name := range slices.Concat(v.NearNames(), v.OtherNames()) {
		list = append(list, url(name).alone())
	}
	list = append(list, value("debug", v.sent), value("another", v.sentOther), value("nothing"),
		value("damaged", damaged),
		value("cut", part("value-cut", "", wire.Raw([]byte{0x08})).open()))
	list = append(list, otherType(1, protowire.BytesType)...)
	list = append(list, otherType(2, protowire.BytesType)...)
	p, opts := wire.String(1, v.name), wire.Bytes(2, v.sent.Bytes)
	saying := value("debug", v.sent)
	return append(list,
		part("type URL with its tag in 5 bytes", "varint", p.WideTag(5)).saying(v.ours),
		part("type URL with its length in 5 bytes", "varint", p.Wide(5)).saying(v.ours),
		part("type URL with its tag in 6 bytes", "wide-tag", p.WideTag(6)).saying(v.ours).free("wide-tag"),
		part("type URL with its length in 6 bytes", "wide-tag", p.Wide(6)).saying(v.ours).free("wide-tag"),
		part("value with its length in 5 bytes", "varint", opts.Wide(5)).saying(saying),
		part("value with its length in 10 bytes", "wide-tag", opts.Wide(10)).saying(saying).free("wide-tag"))
}

// piece is an Any in an Extension, or one of several pieces of it.
func piece(name string, inside ...Element) Element { return message(1, "Any: "+name, inside...) }

// extensionElements are those of an Extension.
func (v *Vocabulary) extensionElements() []Element {
	whole := piece("debug", v.ours, value("debug", v.sent))
	p := wire.String(1, whole.says.text)
	return append([]Element{
		whole, piece("another", v.ours, value("another", v.sentOther)), piece("another type", v.foreign(),
			value("debug", v.sent)),
		piece("type URL", v.ours), piece("value", value("debug", v.sent)), piece("damaged value",
			value("damaged", damaged)), piece("nothing"),
		piece("type URL of another", v.foreign()), piece("damaged", v.Faults(Any)[0]),
		piece("unknown", unknowns(v.places[Any])[0]),
		part("Any with its tag in 5 bytes", "varint", p.WideTag(5)).saying(whole),
		part("Any with its length in 5 bytes", "varint", p.Wide(5)).saying(whole),
		part("Any with its tag in 6 bytes", "wide-tag", p.WideTag(6)).saying(whole).free("wide-tag"),
		part("Any with its length in 6 bytes", "wide-tag", p.Wide(6)).saying(whole).free("wide-tag"),
	}, otherType(1, protowire.BytesType)...)
}

// extension is an extension of BootstrapParams.
func extension(name, rules string, inside ...Element) Element {
	e := message(8, "extension: "+name, inside...)
	e.Rules = rules
	return e
}

// inExtension is an extension with the Options that the elements say.
func (v *Vocabulary) inExtension(opts ...Element) Element {
	return extension("Options of "+Names(opts), "family", piece("Options", v.ours, value("Options", opts...)))
}

// extensions are those of BootstrapParams: ours, and what may stand beside them.
func (v *Vocabulary) extensions() []Element {
	damagedAny := piece("damaged", v.Faults(Any)[0])
	other := extension("another type", "neighbours", piece("another type", v.foreign(), value("debug", v.sent)))
	whole := v.inExtension(v.sent)
	p := wire.Bytes(8, []byte(whole.says.text))
	list := []Element{
		whole, v.inExtension(v.sentOther), v.inExtension(), v.inExtension(damaged), other,
		extension("type URL with a prefix", "url", piece("Options", v.ourURL("type.googleapis.com/"),
			value("debug", v.sent))),
		extension("another type, value damaged", "neighbours", piece("another type", v.foreign(),
			value("damaged", damaged))),
		extension("another type, not linked", "neighbours", piece("another type", url("nri.v1.PluginConfig"))),
		extension("another type, Any damaged", "neighbours M2", piece("another type", v.foreign(), v.Faults(Any)[0])),
		extension("damaged", "neighbours M2", v.Faults(Extension)[0]), extension("damaged behind ours", "neighbours M2",
			piece("Options", v.ours, value("debug", v.sent)), damagedAny),
		extension("without value", "neighbours"), extension("empty Any", "neighbours", piece("nothing")),
		extension("type URL not UTF-8", "M11", piece("damaged",
			part("utf8-invalid", "", wire.String(1, "\xff")).fault())),
		part("extension with its tag in 5 bytes", "varint", p.WideTag(5)).saying(whole),
		part("extension with its length in 5 bytes", "varint", p.Wide(5)).saying(whole),
		part("extension with its tag in 6 bytes", "wide-tag", p.WideTag(6)).saying(whole).free("wide-tag"),
		part("extension with its length in 6 bytes", "wide-tag", p.Wide(6)).saying(whole).free("wide-tag"),
	}
	for _, n := range Counts {
		list = append(list, block(fmt.Sprintf("ours behind %d extensions", n), "S2 neighbours",
			append(slices.Repeat([]Element{other}, n), whole)...))
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
func ambient() (list []Element) {
	for _, v := range LogLevels {
		e := part(fmt.Sprintf("log_level %d", v), "ambient", wire.Int(3, v))
		e.says.field = 3
		e.Alone = v != 0 && v != -4
		list = append(list, e)
	}
	over := part("log_level over 64 bits", "over-64-bits", wire.Tag(3, protowire.VarintType),
		over64(0x80, 2)).free("over-64-bits")
	over.says.field = 3
	list = append(list, over)
	for _, num := range []protowire.Number{4, 5, 6, 7, 9} {
		list = append(list, text(num, fmt.Sprintf("field %d of a text", num), "ambient", "a"),
			text(num, fmt.Sprintf("field %d empty", num), "ambient default", ""))
		for _, s := range slices.Concat(Addresses, Texts) {
			list = append(list, text(num, fmt.Sprintf("field %d of %s", num, short(s)), "ambient", s).alone())
		}
		for _, n := range Sizes {
			list = append(list, text(num, fmt.Sprintf("field %d of %d bytes", num, n), "ambient S2",
				strings.Repeat("x", n)).alone())
		}
		for i, bad := range NotUTF8 {
			e := text(num, fmt.Sprintf("field %d utf8-%s", num, bad.Name), "M11", bad.Text)
			e.Alone = i > 0
			list = append(list, e)
		}
	}
	return list
}

// identities are the fields 1 and 2 as either family has them.
func (v *Vocabulary) identities() (list []Element) {
	for _, n := range Namespaces {
		list = append(list, identity(1, n).alone(), identity(2, n, v.asOptions(n)...))
	}
	for i, s := range Identifiers {
		id, namespace := identity(1, s), identity(2, s)
		id.Alone, namespace.Alone = i > 5, i > 5
		list = append(list, id, namespace)
	}
	for _, s := range NotIdentifiers {
		list = append(list, identity(1, s), identity(2, s))
	}
	for i, bad := range NotUTF8 {
		id, namespace := identity(1, bad.Text), identity(2, bad.Text)
		id.Rules, namespace.Rules = "M11 overwritten", "M11 overwritten"
		id.Alone, namespace.Alone = i > 1, i > 1
		list = append(list, id, namespace)
	}
	return list
}

// topElements are those of the top level, of which the other levels hang.
func (v *Vocabulary) topElements() []Element {
	list := slices.Concat(v.anyElements(), v.identities(), ambient(), v.extensions())
	for num := protowire.Number(3); num <= 9; num++ {
		typ := protowire.BytesType
		if num == 3 {
			typ = protowire.VarintType
		}
		list = append(list, otherType(num, typ)...)
	}
	return list
}

// Params yields every combination of the fields of BootstrapParams: each absent, as
// containerd sets it, empty, or of one text that all of them have; without an extension and
// with one of Options.
func (v *Vocabulary) Params() iter.Seq[[]Element] {
	const same = "web-1"
	log := ambient()
	choices := [][]Element{
		{identity(1, "a-1"), identity(1, same), identity(1, "")},
		{identity(2, "k8s.io", v.asOptions("k8s.io")...), identity(2, same), identity(2, "")},
		log[:2],
	}
	for _, num := range []protowire.Number{4, 5, 6, 7, 9} {
		choices = append(choices, []Element{text(num, fmt.Sprintf("field %d", num), "ambient", Addresses[num]),
			text(num, fmt.Sprintf("field %d %q", num, same), "ambient", same),
			text(num, fmt.Sprintf("field %d empty", num), "ambient", "")})
	}
	choices = append(choices, []Element{v.inExtension(v.sent)})
	return func(yield func([]Element) bool) { combine(nil, choices, yield) }
}

func combine(chosen []Element, choices [][]Element, yield func([]Element) bool) bool {
	if len(choices) == 0 {
		return yield(slices.Clone(chosen))
	}
	if !combine(chosen, choices[1:], yield) {
		return false
	}
	for _, e := range choices[0] {
		if !combine(append(chosen[:len(chosen):len(chosen)], e), choices[1:], yield) {
			return false
		}
	}
	return true
}

// Padded yields payloads of Options of both families of all sizes up to 4,200 bytes, and of
// those around the powers of two up to 131,072; nothing if Options have no string.
func (v *Vocabulary) Padded() iter.Seq[[]Element] {
	return func(yield func([]Element) bool) {
		if v.text == nil {
			return
		}
		pad := func(n int) bool {
			padding := v.set(v.text, strings.Repeat("x", n), 0)
			padding.Name, padding.Rules = fmt.Sprintf("%s of %d bytes", v.text.Name(), n), "S2"
			opts := []Element{v.sent, padding}
			return yield(v.legacy(opts)) && yield([]Element{version, v.inExtension(opts...)})
		}
		for n := range 4200 {
			if !pad(n) {
				return
			}
		}
		const around = 80 // bytes that stand around the text
		for size := 8192; size <= 131072; size *= 2 {
			for n := size - around; n < size+3; n++ {
				if !pad(n) {
					return
				}
			}
		}
	}
}
