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
		of := func(name string) func(string, ...Token) {
			t := Token{Name: name, Rules: "S1"}
			return func(context string, top ...Token) { add(named(context, t, top)) }
		}
		seen := make(map[string]bool)
		for _, word := range slices.Concat(words, RegisteredNames()) {
			for _, s := range near(word) {
				if !seen[s] {
					g.withText(s, of(short(s)))
				}
				seen[s] = true
			}
		}
		for _, s := range append([]string{"", "0", "1", "true", "false"}, words...) {
			g.inFamilies("annotations", g.pairs(words, s), of(short(s)+" as value of each word"))
		}
		for _, n := range numbers {
			for _, n := range []uint64{n - 1, n, n + 1} {
				g.withNumber(n, of(strconv.FormatUint(n, 10)))
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

// inFamilies adds the payloads of either family with Options that have these tokens last.
func (g *Grammar) inFamilies(what string, opts []Token, add func(context string, top ...Token)) {
	for _, family := range families {
		full := value("", slices.Concat(g.usual(Options), opts)...)
		add(what+" in "+familyNames[family], g.sends(family, g.ours, full)...)
	}
}

// withText adds payloads with a text in each place: in the ID, in all other texts of BootstrapParams,
// in all of Options, in the type URL's prefix, and as the type URL.
func (g *Grammar) withText(s string, add func(context string, top ...Token)) {
	raw := Token{Bytes: []byte(s), Kind: Unclear}
	add("any bytes", raw)
	raw.Bytes = slices.Concat(raw.Bytes, Encode(g.usual(Legacy)))
	add("before a payload", raw)
	if !utf8.ValidString(s) { // which is no text
		return
	}
	opts := append(g.pairs([]string{s}, "v"), g.pairs([]string{"k"}, s)...)
	for _, f := range g.options {
		if f.kind == protoreflect.StringKind {
			opts = append(opts, str(f.num, "", s))
		}
	}
	full, params := value("", slices.Concat(g.usual(Options), opts)...), g.usual(Bootstrap)
	for _, family := range families {
		add("type URL in "+familyNames[family], g.sends(family, g.url(s), g.usual(Any)[1])...)
		add("texts in "+familyNames[family], g.sends(family, g.url(s+"/"+g.name), full)...)
	}
	add("ID", replaced(params, text(1, "", "", s))...)
	for _, num := range append([]protowire.Number{2}, ambientTexts...) {
		params = replaced(params, text(num, "", "", s))
	}
	beside := extension("", "", piece("", g.url(s), value("", g.sent)))
	add("texts of BootstrapParams", slices.Concat([]Token{beside}, params, []Token{beside})...)
}

// withNumber adds payloads with a number as each value, field number, size and count.
func (g *Grammar) withNumber(n uint64, add func(context string, top ...Token)) {
	var values []Token
	for _, f := range g.options {
		if isVarint(f) {
			values = append(values, set(f, "", n))
		}
	}
	g.inFamilies("numbers", values, add)
	params := g.usual(Bootstrap)
	add("log_level", replaced(params, varint(3, "", "", n))...)
	if n > uint64(g.sites[Options].unknown) && n <= uint64(protowire.MaxValidNumber) {
		g.inFamilies("unknown field", []Token{part("", "", wire.Varint(protowire.Number(n), 1))}, add)
	}
	if n <= 1<<16 {
		other := extension("", "", piece("", g.foreign(), value("", g.sent)))
		add("extensions", append(slices.Repeat([]Token{other}, int(n)), params...)...)
		keys := make([]string, n)
		for i := range keys {
			keys[i] = strconv.Itoa(i)
		}
		g.inFamilies("annotations", g.pairs(keys, "v"), add)
	}
	if n <= 1<<20 {
		g.withText(strings.Repeat("x", int(n)), add)
		g.inFamilies("size of Options", fill(n, g.usual(Options)), add)
	}
	g.inFamilies("size", nil, func(context string, top ...Token) { add(context, append(fill(n, top), top...)...) })
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
