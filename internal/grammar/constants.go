package grammar

import (
	"iter"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/reflect/protoreflect"

	"shimfuzz/internal/contract"
	"shimfuzz/internal/wire"
)

// Constants yields payloads that a decoder with a special case for one value answers wrongly,
// if the value is one of these words and numbers, the name of a linked message, or near to
// one: each stands in every place of payloads that are otherwise as containerd sends them.
func (g *Grammar) Constants(words []string, numbers []uint64) iter.Seq[Sentence] {
	return lazily(func(add func(Sentence)) {
		all := func(name string, list []Sentence) {
			for _, s := range list {
				add(named(s.Context, Token{Name: name, Rules: "S1"}, s.Top))
			}
		}
		seen := make(map[string]bool)
		for _, word := range slices.Concat(words, RegisteredNames()) {
			for _, s := range near(word) {
				if !seen[s] {
					all(short(s), g.withText(s))
				}
				seen[s] = true
			}
		}
		for _, s := range append([]string{"", "0", "1", "true", "false"}, words...) {
			all(short(s)+" as value of each word", g.inFamilies("annotations", g.pairs(words, s)...))
		}
		for _, n := range numbers {
			for _, n := range []uint64{n - 1, n, n + 1} {
				all(strconv.FormatUint(n, 10), g.withNumber(n))
			}
		}
	})
}

// near are a word and what a decoder may take for it, or it for.
func near(w string) []string {
	return []string{w, strings.ToUpper(w), strings.ToLower(w), w + "x", "x" + w, "x" + w + "x", w + "/", "/" + w,
		w[:max(0, len(w)-1)], w[strings.LastIndexAny(w, "/.")+1:],
		strings.NewReplacer("^", "", "$", "", `\`, "").Replace(w)}
}

// pairs are annotations with these keys and one value, if Options have annotations.
func (g *Grammar) pairs(keys []string, s string) (list []Token) {
	for _, k := range keys {
		if g.entries != nil {
			list = append(list, annotation(g.entries.Number(), k, s))
		}
	}
	return list
}

// inFamilies are the payloads of either family with Options that have these tokens last.
func (g *Grammar) inFamilies(what string, opts ...Token) (list []Sentence) {
	for _, family := range families {
		full := value("", slices.Concat(g.usual(Options), opts)...)
		list = append(list, Sentence{Context: what + " in " + familyNames[family], Top: g.sends(family, g.ours, full)})
	}
	return list
}

// withText are payloads with a text in each place: in the ID, in all other texts of BootstrapParams,
// in all of Options, in the type URL's prefix, and as the type URL.
func (g *Grammar) withText(s string) (list []Sentence) {
	payload := slices.Concat([]byte(s), Encode(g.usual(Legacy)))
	list = []Sentence{anyBytes("any bytes", []byte(s)), anyBytes("before a payload", payload)}
	if !utf8.ValidString(s) { // which is no text
		return list
	}
	opts := append(g.pairs([]string{s}, "v"), g.pairs([]string{"k"}, s)...)
	for _, f := range g.options {
		if f.kind == protoreflect.StringKind {
			opts = append(opts, str(f.num, "", s))
		}
	}
	full, params := value("", slices.Concat(g.usual(Options), opts)...), g.usual(Bootstrap)
	for _, family := range families {
		list = append(list, Sentence{Context: "type URL in " + familyNames[family],
			Top: g.sends(family, g.anyURL(s), g.usual(Any)[1])}, Sentence{Context: "texts in " + familyNames[family],
			Top: g.sends(family, g.ourURL(s+"/"), full)})
	}
	beside := extension("", "", piece("", g.anyURL(s), value("", g.sent)))
	for _, num := range append([]protowire.Number{2}, ambientTexts...) {
		params = replaced(params, text(num, "", "", s))
	}
	return append(list, Sentence{Context: "ID", Top: replaced(g.usual(Bootstrap), text(1, "", "", s))},
		Sentence{Context: "texts of BootstrapParams", Top: slices.Concat([]Token{beside}, params, []Token{beside})})
}

// withNumber are payloads with a number as each value, field number, size and count.
func (g *Grammar) withNumber(n uint64) (list []Sentence) {
	add := func(what string, opts ...Token) { list = append(list, g.inFamilies(what, opts...)...) }
	var values []Token
	for _, f := range g.options {
		if isVarint(f) {
			values = append(values, set(f, "", n))
		}
	}
	add("numbers", values...)
	params := g.usual(Bootstrap)
	list = append(list, Sentence{Context: "log_level", Top: replaced(params, varint(3, "", "", n))})
	if n > uint64(g.sites[Options].unknown) && n <= uint64(protowire.MaxValidNumber) {
		add("unknown field", part("", "", wire.Varint(protowire.Number(n), 1)))
	}
	if n <= 1<<16 {
		other := extension("", "", piece("", g.foreign(), value("", g.sent)))
		list = append(list, Sentence{Context: "extensions",
			Top: append(slices.Repeat([]Token{other}, int(n)), params...)})
		keys := make([]string, n)
		for i := range keys {
			keys[i] = strconv.Itoa(i)
		}
		add("annotations", g.pairs(keys, "v")...)
	}
	if n <= 1<<20 {
		list = append(list, g.withText(strings.Repeat("x", int(n)))...)
		add("size of Options", fill(n, g.usual(Options))...)
	}
	for _, s := range g.inFamilies("size") {
		list = append(list, Sentence{Context: s.Context, Top: append(fill(n, s.Top), s.Top...)})
	}
	return list
}

// fill is an unknown field with which a message has n bytes: none if it cannot have so few, or as
// many as that.
func fill(n uint64, tokens []Token) []Token {
	const tagAndLength = 2 + widestTag
	least := uint64(len(Encode(tokens)) + tagAndLength)
	if n < least || n > contract.MaxPayload {
		return nil
	}
	return []Token{part("filler", "", wire.Bytes(1000, make([]byte, n-least)).Wide(widestTag))}
}
