package grammar

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/maphash"
	"iter"
	"math"
	"math/bits"
	"slices"
	"strconv"
	"strings"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/reflect/protoreflect"

	"shimfuzz/internal/wire"
)

// Sentence is one payload of an enumeration.
type Sentence struct {
	Context string
	Tokens  []Token // that differ from one payload to the next
	Top     []Token // of the payload: one Unclear one if the payload is any bytes
}

func (s Sentence) String() string {
	if s.Tokens == nil {
		return s.Context
	}
	return s.Context + ": " + Names(s.Tokens)
}

// IsAny reports whether the payload has no field that only BootstrapParams has.
func (s Sentence) IsAny() bool {
	return !slices.ContainsFunc(s.Top, func(t Token) bool { return t.means.field > 2 })
}

// Bytes returns the payload.
func (s Sentence) Bytes() []byte { return Encode(s.Top) }

// anyBytes is a payload whose tokens are not known.
func anyBytes(context string, b []byte) Sentence {
	return Sentence{Context: context, Top: []Token{{Bytes: b, Kind: Unclear}}}
}

// lazily yields what a function adds, as long as that is wanted.
func lazily[T any](all func(add func(T))) iter.Seq[T] {
	return func(yield func(T) bool) {
		isWanted := true
		all(func(one T) { isWanted = isWanted && yield(one) })
	}
}

// Sentences yields each sequence of the tokens of a context up to a length: each token,
// and all sequences of those that are combined. The shorter ones come first. Then it yields each
// token beside what containerd sends, and, but for groups, every single edit of each fault.
func (g *Grammar) Sentences(c Context, longest int) iter.Seq[Sentence] {
	tokens, faults, usual := g.Tokens(c.Level), g.levels()[c.Level].faults, [][]Token{g.usual(c.Level)}
	switch c.Level {
	case Top:
		usual = [][]Token{g.usual(Legacy), g.usual(Bootstrap)}
	case Group:
		faults = nil
	}
	return lazily(func(add func(Sentence)) {
		message := func(differ, all []Token) { add(Sentence{Context: c.Name, Tokens: differ, Top: c.Payload(all)}) }
		for seq := range Sequences(tokens, longest) {
			message(seq, seq)
		}
		for _, t := range tokens {
			for _, others := range usual {
				for _, seq := range beside(others, t) {
					message([]Token{t}, seq)
				}
			}
		}
		seen := make(map[uint64]bool)
		for _, t := range faults {
			const long = 40 // bytes
			for _, edit := range Edits(t.Name, t.Bytes[:min(long, len(t.Bytes))], seen) {
				message([]Token{t}, edit.Top)
			}
		}
	})
}

// Sequences yields each token, and all sequences of those that are combined, the
// shorter ones first. Behind a fault stands no other one.
func Sequences(tokens []Token, longest int) iter.Seq[[]Token] {
	combined := slices.DeleteFunc(slices.Clone(tokens), func(t Token) bool { return t.Single })
	return lazily(func(add func([]Token)) {
		for length := range longest + 1 {
			choices := slices.Repeat([][]Token{combined}, length)
			if length == 1 {
				choices[0] = tokens
			}
			product([]Token{}, choices, add)
		}
	})
}

// product adds what is chosen already with one token of each of the choices behind it.
func product(chosen []Token, choices [][]Token, add func([]Token)) {
	if len(choices) == 0 {
		add(slices.Clone(chosen))
		return
	}
	isFault := func(t Token) bool { return t.Kind == Fault }
	hasFault := slices.ContainsFunc(chosen, isFault)
	for _, t := range choices[0] {
		if !hasFault || !isFault(t) && t.Kind != Open {
			product(append(chosen, t), choices[1:], add)
		}
	}
}

// Params yields every combination of the fields of BootstrapParams: each as containerd sets it,
// of one text that all of them have, or absent; and then with empty fields in place of those that
// are absent; without an extension and with one of Options. One with fewer fields comes
// before those that add to it.
func (g *Grammar) Params() iter.Seq[Sentence] {
	const same = "web-1"
	absent := Token{}
	params := func(isEmpty bool) [][]Token {
		choices := [][]Token{
			{absent, g.identity(1, "a-1"), g.identity(1, same), g.identity(1, "")},
			{absent, g.identity(2, "k8s.io"), g.identity(2, same), g.identity(2, "")},
			append([]Token{absent}, ambient()[:2]...),
		}
		for _, num := range ambientTexts {
			name, first := fmt.Sprintf("field %d", num), absent
			if isEmpty {
				first = text(num, name+" empty", "ambient", "")
			}
			choices = append(choices, []Token{first, text(num, name, "ambient", addresses[num]),
				text(num, fmt.Sprintf("%s %q", name, same), "ambient", same)})
		}
		return append(choices, []Token{absent, g.inExtension(g.sent)})
	}
	return lazily(func(add func(Sentence)) {
		for _, isEmpty := range []bool{false, true} {
			product([]Token{}, params(isEmpty), func(t []Token) {
				top := slices.DeleteFunc(t, func(t Token) bool { return t.Bytes == nil })
				add(Sentence{Context: "top", Tokens: top, Top: top})
			})
		}
	})
}

// Sizes yields payloads of both families with a text of every size up to 4,200 bytes, and of
// those around the powers of two up to 131,072. The characters at the end of the text, and the
// tags, lengths and values behind it, which are of many bytes, cross each power at every byte,
// counted from the start of the payload or of the text. At the powers up to 65,536 the text also
// ends in what is not UTF-8. There is nothing if Options have no string.
func (g *Grammar) Sizes() iter.Seq[Sentence] {
	const tail, bad = "é€🦊", "\xed\xa0\x80"
	return lazily(func(add func(Sentence)) {
		for n := range 131072 + 3 {
			const around = 132 // bytes that stand around the text
			power := 1 << (bits.Len(uint(n+around)) - 1)
			tails := []string{tail, bad}
			if n < power-around/2 || n > power+2 || power > 1<<16 {
				tails = tails[:1]
			}
			if g.padding == nil || n >= 4200 && n > power+2 {
				continue
			}
			for _, tail := range tails {
				s := str(g.padding.Number(), fmt.Sprintf("%d bytes and %q", n, tail), strings.Repeat("x", n)+tail)
				opts := append([]Token{s}, g.wide(n)...)
				tops := [][]Token{g.legacy(opts), g.inOptions(opts)}
				if n <= 1<<14 && n <= power+2 { // also in an annotation, and in BootstrapParams
					version := text(4, "", "", s.means.text)
					tops = append(tops, replaced(g.usual(Bootstrap), version),
						g.legacy(slices.Concat(g.pairs([]string{"k"}, s.means.text), opts[1:])))
				}
				if n <= 1<<14 && n <= power+2 || n > power-90 && n < power-20 {
					tops = append(tops, g.legacy([]Token{g.sent, s}), g.inOptions([]Token{g.sent, s}))
				}
				for _, top := range tops {
					add(named("sizes", s, top))
				}
			}
		}
	})
}

// wide are fields of which every byte of the tag, the length or the value counts, and one that is as
// wide as every reader takes it. The length of the last one has two bytes, or three behind many others.
func (g *Grammar) wide(behind int) []Token {
	list := []Token{part("", "", wire.Fixed64(protowire.MaxValidNumber, 1), wire.Fixed32(1000, 1)),
		part("", "", wire.String(g.sites[Options].unknown, "x").WideTag(widestTag).Wide(widestTag))}
	seen := make(map[protoreflect.Kind]bool)
	for _, f := range g.options {
		if isVarint(f) && !seen[f.kind] {
			n := uint64(1 << 63) // of a bool; a number is -1
			if f.kind != protoreflect.BoolKind {
				n = math.MaxUint64
			}
			list, seen[f.kind] = append(list, varint(f.num, "", "", n)), true
		}
	}
	long := 130
	if behind > 1<<14-200 {
		long = 1 << 14
	}
	return append(list, g.pairs([]string{"l"}, strings.Repeat("v", long))...)
}

// Many yields payloads of both families with 100,001 of everything that there can be many of.
func (g *Grammar) Many() iter.Seq[Sentence] {
	const n = 100_001
	full := g.usual(Any)
	around := func(many ...Token) [][]Token { // of Options
		opts := value("", append(many, g.sent)...)
		return [][]Token{g.sends(Legacy, g.ours, opts), g.sends(Bootstrap, g.ours, opts)}
	}
	pieces := slices.Repeat([]Token{piece("nothing")}, n)
	pieces[0], pieces[n-1] = piece("", full[0]), piece("", full[1])
	var list []Sentence
	many := func(what string, tops ...[]Token) {
		for _, top := range tops {
			list = append(list, named("many", Token{Name: "100,001 " + what, Rules: "S2"}, top))
		}
	}
	if g.entries != nil {
		entries := make([]Token, n)
		for i := range entries {
			entries[i] = annotation(g.entries.Number(), strconv.Itoa(i), "")
		}
		many("annotations", around(entries...)[0])
	}
	many("unknown fields of Options", around(distinctUnknown(g.sites[Options], n))...)
	many("extensions", slices.Concat(slices.Repeat([]Token{extension("", "")}, n), g.usual(Bootstrap)))
	many("pieces of an Any", replaced(g.usual(Bootstrap), extension("", "", pieces...)))
	many("unknown fields", append([]Token{distinctUnknown(g.sites[Legacy], n)}, full...),
		append([]Token{distinctUnknown(g.sites[Bootstrap], n)}, g.usual(Bootstrap)...))
	return slices.Values(list)
}

// Pieces yields payloads in which a field that is or holds a message comes in three pieces, cut at
// every two bytes: an Any, whose pieces are each well-formed and merged, or a field of which the last
// counts, or each.
func (g *Grammar) Pieces() iter.Seq[Sentence] {
	short := []Token{g.ours, value("", g.sent)}
	inValue := func(t []Token) []Token { return append([]Token{g.ours}, t...) }
	type whole struct {
		field  Token
		around func(pieces []Token) []Token
	}
	list := []whole{
		{piece("an Any", short...), inParams},
		{extension("an extension", "", piece("", short...)), inVersion},
		{value("Options", g.sent), inValue},
		{value("Options in an extension", g.sent), func(t []Token) []Token { return inAny(inValue(t)) }},
		{g.ours, func(t []Token) []Token { return append(t, short[1]) }},
	}
	if g.entries != nil {
		list = append(list, whole{annotation(g.entries.Number(), "k", "v"), g.inOptions})
	}
	return lazily(func(add func(Sentence)) {
		for _, c := range list {
			s, pieces := c.field.means.text, make([]Token, 3)
			for i := range len(s) + 1 {
				for j := i; j <= len(s); j++ {
					for k, s := range []string{s[:i], s[i:j], s[j:]} {
						pieces[k] = text(c.field.means.field, "", "", s)
						pieces[k].Kind = Unclear
					}
					add(named("pieces", c.field, c.around(slices.Clone(pieces))))
				}
			}
		}
	})
}

// named is a payload that a report names by a token, of those that are told apart by what they are.
func named(context string, t Token, top []Token) Sentence {
	return Sentence{Context: context, Tokens: []Token{t}, Top: top}
}

// Strings yields every string of up to some bytes, the shorter ones first.
func Strings(longest int) iter.Seq[Sentence] {
	return lazily(func(add func(Sentence)) {
		for length := range longest + 1 {
			for n := range uint32(1) << (8 * length) {
				add(anyBytes("any bytes", binary.LittleEndian.AppendUint32(nil, n)[:length]))
			}
		}
	})
}

// seed is that of the sums that Edits keeps.
var seed = maphash.MakeSeed()

// Edits are every single edit of a payload: a bit changed, a byte left out, a byte
// doubled, the end cut off; but for those whose sums are among seen, to which it adds the others.
func Edits(name string, b []byte, seen map[uint64]bool) (all []Sentence) {
	edit := func(b []byte) {
		if sum := maphash.Bytes(seed, b); !seen[sum] {
			seen[sum] = true
			all = append(all, anyBytes("one edit of "+name, b))
		}
	}
	for i := range b {
		for bit := range 8 {
			flipped := bytes.Clone(b)
			flipped[i] ^= 1 << bit
			edit(flipped)
		}
		edit(slices.Concat(b[:i], b[i+1:]))
		edit(slices.Concat(b[:i+1], b[i:]))
		edit(b[:i])
	}
	return all
}
