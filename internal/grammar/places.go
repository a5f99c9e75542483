package grammar

import (
	"fmt"
	"iter"
	"slices"
	"strings"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/reflect/protoreflect"

	"shimfuzz/internal/wire"
)

// usual is a message of a level as containerd sends it, with every field set. An Any comes
// in two pieces. The caller must not change it.
func (g *Grammar) usual(l Level) []Token { return g.levels()[l].usual }

// usualKey is that of the usual annotation.
const usualKey = "io.microsoft.container"

func (g *Grammar) makeUsual(l Level) (list []Token) {
	switch l {
	case Legacy, Any:
		return []Token{g.ours, value("full", g.makeUsual(Options)...)}
	case Extension:
		return []Token{piece("type URL", g.ours), piece("value", g.makeUsual(Any)[1])}
	case Bootstrap:
		return []Token{g.identity(1, "web-1"), g.identity(2, "k8s.io"), varint(3, "log_level", "", 4), version,
			text(5, "ttrpc", "", `\\.\pipe\containerd-containerd.ttrpc`),
			text(6, "grpc", "", `\\.\pipe\containerd-containerd`),
			text(7, "binary", "", `C:\Program Files\containerd\containerd.exe`),
			extension("full", "", piece("full", g.makeUsual(Any)...)),
			text(9, "socket_dir", "", `C:\ProgramData\containerd`)}
	case Options: // an annotation comes first, and another one last
		for _, o := range g.options {
			if !o.IsMap() {
				list = append(list, set(o, fmt.Sprintf("value-%d", o.num), 1))
			}
		}
		list = slices.Concat(g.pairs([]string{usualKey}, "on"), list, g.pairs([]string{"team"}, "storage"))
	case Entry:
		return []Token{text(1, "key", "", "team"), text(2, "value", "", "storage")}
	}
	return list
}

// other is each field of a message of a level with another value than it usually has.
func (g *Grammar) other(l Level) (list []Token) {
	switch l {
	case Legacy, Any:
		return []Token{g.foreign(), value("other", g.sentOther)}
	case Extension:
		return []Token{piece("other", g.ours, value("other", g.sentOther))}
	case Bootstrap:
		return []Token{g.inExtension(g.sentOther)}
	case Options:
		for _, o := range g.options {
			if !o.IsMap() {
				list = append(list, set(o, "other", 0))
			}
		}
		return append(list, g.pairs([]string{"other"}, "other")...)
	case Entry:
		return []Token{text(1, "key", "", "other"), text(2, "value", "", "other")}
	}
	return nil
}

// annotation is an entry of the map in Options.
func annotation(num protowire.Number, key, value string) Token {
	return message(num, fmt.Sprintf("annotation %s: %s", short(key), short(value)), "", str(1, "key", key),
		str(2, "value", value))
}

// str is a string of Options, or of an annotation, which must be UTF-8.
func str(num protowire.Number, name, s string) Token {
	t := text(num, name, "", s)
	if !utf8.ValidString(s) {
		t.Kind, t.Rules = Fault, "M11"
	}
	return t
}

// unknown is a text in a field that no message of a level has.
func (g *Grammar) unknown(l Level, s string) Token {
	return part("unknown", "unknown", wire.String(g.sites[l].unknown, s))
}

// replaced is a message with a token in the place of the field of its number.
func replaced(message []Token, t Token) []Token {
	message = slices.Clone(message)
	for i, old := range message {
		if old.means.field == t.means.field {
			message[i] = t
		}
	}
	return message
}

// beside yields a message with a token at its start, before its last field, at its end, and in the
// place of the field of its number; a long token only there, or at the end.
func beside(message []Token, t Token) (list [][]Token) {
	places := []int{0, max(0, len(message)-1), len(message)}
	if t.means.field != 0 {
		list = append(list, replaced(message, t))
	}
	const long = 1000 // bytes
	if len(t.Bytes) > long {
		places = places[2+min(1, len(list)):]
	}
	for _, at := range places {
		list = append(list, slices.Insert(slices.Clone(message), at, t))
	}
	return list
}

// place is where a text stands in a payload that is otherwise as containerd sends it.
type place struct {
	name string
	put  func(s string) []Token // the top level
	// stands is set for those that stand for others.
	stands bool
}

// sends are the tokens of a payload of a family with these as its Any.
func (g *Grammar) sends(family Level, inAny ...Token) []Token {
	if family == Legacy {
		return inAny
	}
	return replaced(g.usual(Bootstrap), extension("", "", piece("", inAny...)))
}

// places are all places of texts.
func (g *Grammar) places() (list []place) {
	add := func(name string, stands bool, put func(s string) []Token) {
		list = append(list, place{name, put, stands})
	}
	for _, num := range []protowire.Number{1, 2, 4, 5, 6, 7, 9} {
		name := fmt.Sprintf("field %d", num)
		of := func(s string) Token { return text(num, name, "", s) }
		if num <= 2 {
			of = func(s string) Token { return g.identity(num, s) }
		} else {
			add(name+" alone", false, func(s string) []Token { return []Token{of(s)} })
		}
		add(name, num == 4 || num == 9, func(s string) []Token { return replaced(g.usual(Bootstrap), of(s)) })
	}
	for _, family := range families {
		in := func(name string, stands bool, put func(s string) []Token) {
			add(name+" in "+familyNames[family], stands, func(s string) []Token { return g.sends(family, put(s)...) })
		}
		usual := g.usual(Any)
		in("type URL's prefix", true, func(s string) []Token { return []Token{g.url(s + "/" + g.name), usual[1]} })
		in("type URL", false, func(s string) []Token { return []Token{g.url(s), usual[1]} })
		in("overwritten type URL", false, func(s string) []Token { return []Token{g.url(s), usual[0], usual[1]} })
		in("unknown field of the Any", family == Legacy, func(s string) []Token {
			return []Token{g.unknown(family, s), usual[0], usual[1]}
		})
		g.placesInOptions(func(name string, stands bool, put func(s string) []Token) {
			in(name, stands, func(s string) []Token { return []Token{usual[0], value("", put(s)...)} })
		})
	}
	add("unknown field of BootstrapParams", false, func(s string) []Token {
		return append([]Token{g.unknown(Bootstrap, s)}, g.usual(Bootstrap)...)
	})
	add("type URL before ours", false, func(s string) []Token {
		return append([]Token{extension("", "", piece("", g.url(s), value("")))}, g.usual(Bootstrap)...)
	})
	add("value of another type before ours", true, func(s string) []Token {
		return append([]Token{extension("", "", piece("", g.foreign(), text(2, "", "", s)))}, g.usual(Bootstrap)...)
	})
	return list
}

// placesInOptions adds those that are in Options: each string, the unknown field, and the key and
// the value of an annotation, also of one that is overwritten.
func (g *Grammar) placesInOptions(add func(name string, stands bool, put func(s string) []Token)) {
	usual := g.usual(Options)
	for _, o := range g.options {
		name := fmt.Sprintf("field %d", o.num)
		of := func(s string) Token { return str(o.num, name, s) }
		switch {
		case o.IsMap():
			in := func(name string, entry func(s string) []Token) {
				add(name, true, func(s string) []Token { return append(slices.Clone(usual), entry(s)...) })
			}
			in("key", func(s string) []Token { return []Token{annotation(o.num, s, "v")} })
			in("value", func(s string) []Token { return []Token{annotation(o.num, "k", s)} })
			in("overwritten value", func(s string) []Token {
				return []Token{annotation(o.num, "k", s), annotation(o.num, "k", "v")}
			})
		case o.kind == protoreflect.StringKind:
			add(name+" alone", false, func(s string) []Token { return []Token{of(s)} })
			add(name, o.num == g.sites[Options].text, func(s string) []Token { return replaced(usual, of(s)) })
			add("overwritten "+name, false, func(s string) []Token { return append([]Token{of(s)}, usual...) })
		}
	}
	add("unknown field of Options", true, func(s string) []Token {
		return append([]Token{g.unknown(Options, s)}, usual...)
	})
}

// textsAt adds each of some texts at each of some places.
func textsAt(places []place, texts []string, add func(Sentence)) {
	for _, s := range texts {
		t := Token{Name: short(s), Rules: "S1"}
		if !utf8.ValidString(s) {
			t.Rules = "M11"
		}
		for _, p := range places {
			add(named("text in "+p.name, t, p.put(s)))
		}
	}
}

// AllTexts yields every text that the grammar has at each place; at those that stand for others
// also behind 64 bytes and 128 KiB, and across each power of two; and at a few of these every sequence
// of bytes that might be UTF-8, alone and behind 64 bytes.
func (g *Grammar) AllTexts() iter.Seq[Sentence] {
	all := g.places()
	standing := slices.DeleteFunc(slices.Clone(all), func(p place) bool { return !p.stands })
	few := standing[:min(7, len(standing))] // of BootstrapParams, and of Options in a legacy Any
	odd := slices.Concat(codePoints, notCodePoints)
	texts := slices.Concat(texts, words, notCodePoints)
	long := behind(64, odd...)
	for _, n := range append(Sizes[:len(Sizes):len(Sizes)], 128<<10+1) {
		texts, long = append(texts, strings.Repeat("x", n)), append(long, strings.Repeat("é", n))
	}
	for _, n := range []int{65, 257, 1001, 4097, 65536} {
		long = append(long, strings.Repeat("日", n), strings.Repeat("🦊", n))
	}
	long = append(long, strings.Repeat("x", 1_000_000))
	for _, bad := range invalidUTF8 {
		long = append(long, behind(128<<10, bad.Text)...)
	}
	short := slices.Concat(sequences, behind(64, sequences...))
	for _, n := range []int{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 31, 62, 63} { // of words and vectors
		for _, bad := range behind(n, "\xff", "\x80", "\xc3", "\xe6\x97", "\xf0\x9f\xa6") {
			short = append(short, bad, bad+strings.Repeat("x", 64))
		}
	}
	for size := 16; size <= 128<<10; size *= 2 { // which each character crosses at each of its bytes
		for _, before := range []int{1, 3, 4, 6, 7, 8} {
			long = append(long, behind(size-before, "é€🦊")...)
		}
		long = append(long, slices.Concat(behind(size-1, "\xed\xa0\x80", "\r\n"), behind(size-2, "\xed\xa0\x80"))...)
	}
	return lazily(func(add func(Sentence)) {
		textsAt(all, texts, add)
		textsAt(standing, long, add)
		textsAt(few, short, add)
	})
}

// behind are texts behind so many bytes of another one.
func behind(n int, texts ...string) (list []string) {
	for _, s := range texts {
		list = append(list, strings.Repeat("x", n)+s)
	}
	return list
}
