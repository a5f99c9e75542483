package grammar

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"iter"
	"math/bits"
	"slices"
	"strings"
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

// Bytes returns the payload.
func (s Sentence) Bytes() []byte { return Encode(s.Top) }

// anyBytes is a payload whose tokens are not known.
func anyBytes(context string, b []byte) Sentence {
	return Sentence{Context: context, Top: []Token{{Bytes: b, Kind: Unclear}}}
}

// Sentences yields each sequence of the tokens of a context up to a length: each token,
// and all sequences of those that are combined. The shorter ones come first.
func (g *Grammar) Sentences(c Context, longest int) iter.Seq[Sentence] {
	return func(yield func(Sentence) bool) {
		for seq := range Sequences(g.Tokens(c.Level), longest) {
			if !yield(Sentence{Context: c.Name, Tokens: seq, Top: c.Payload(seq)}) {
				return
			}
		}
	}
}

// Sequences yields each token, and all sequences of those that are combined, the
// shorter ones first.
func Sequences(tokens []Token, longest int) iter.Seq[[]Token] {
	combined := slices.DeleteFunc(slices.Clone(tokens), func(t Token) bool { return t.Single })
	return func(yield func([]Token) bool) {
		for length := range longest + 1 {
			choices := slices.Repeat([][]Token{combined}, length)
			if length == 1 {
				choices[0] = tokens
			}
			if !product([]Token{}, choices, yield) {
				return
			}
		}
	}
}

// product yields what is chosen already with one token of each of the choices behind it.
func product(chosen []Token, choices [][]Token, yield func([]Token) bool) bool {
	if len(choices) == 0 {
		return yield(slices.Clone(chosen))
	}
	for _, t := range choices[0] {
		if !product(append(chosen, t), choices[1:], yield) {
			return false
		}
	}
	return true
}

// Params yields every combination of the fields of BootstrapParams: each absent, as
// containerd sets it, empty, or of one text that all of them have; without an extension
// and with one of Options. One with fewer fields comes before those that add to it.
func (g *Grammar) Params() iter.Seq[Sentence] {
	const same = "web-1"
	absent := Token{}
	choices := [][]Token{
		{absent, g.identity(1, "a-1"), g.identity(1, same), g.identity(1, "")},
		{absent, g.identity(2, "k8s.io"), g.identity(2, same), g.identity(2, "")},
		append([]Token{absent}, ambient()[:2]...),
	}
	for _, num := range ambientTexts {
		name := fmt.Sprintf("field %d", num)
		choices = append(choices, []Token{absent, text(num, name, "ambient", Addresses[num]),
			text(num, fmt.Sprintf("%s %q", name, same), "ambient", same), text(num, name+" empty", "ambient", "")})
	}
	choices = append(choices, []Token{absent, g.inExtension(g.sent)})
	return func(yield func(Sentence) bool) {
		product([]Token{}, choices, func(t []Token) bool {
			return yield(sentence(slices.DeleteFunc(t, func(t Token) bool { return t.Bytes == nil })...))
		})
	}
}

// Sizes yields payloads of Options of both families of all sizes up to 4,200 bytes, and of
// those around the powers of two up to 131,072; nothing if Options have no string.
func (g *Grammar) Sizes() iter.Seq[Sentence] {
	return func(yield func(Sentence) bool) {
		if g.padding == nil {
			return
		}
		for n := range 131072 + 3 {
			const around = 80 // bytes that stand around the text
			power := 1 << (bits.Len(uint(n+around)) - 1)
			if n >= 4200 && n > power+2 {
				continue
			}
			padding := set(g.padding, strings.Repeat("x", n), 0)
			padding.Name, padding.Rules = fmt.Sprintf("%s of %d bytes", g.padding.Name(), n), "S2"
			opts := []Token{g.sent, padding}
			if !yield(sentence(g.legacy(opts)...)) || !yield(sentence(version, g.inExtension(opts...))) {
				return
			}
		}
	}
}

// sentence is of tokens of the top level.
func sentence(top ...Token) Sentence { return Sentence{Context: "top", Tokens: top, Top: top} }

// Strings yields every string of up to some bytes, the shorter ones first.
func Strings(longest int) iter.Seq[Sentence] {
	return func(yield func(Sentence) bool) {
		for length := range longest + 1 {
			for n := range uint32(1) << (8 * length) {
				b := binary.LittleEndian.AppendUint32(nil, n)[:length]
				if !yield(anyBytes("any bytes", b)) {
					return
				}
			}
		}
	}
}

// Edits are every single edit of a payload: a bit changed, a byte left out, a byte
// doubled, the end cut off.
func Edits(name string, b []byte) (all []Sentence) {
	edit := func(b []byte) { all = append(all, anyBytes("one edit of "+name, b)) }
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
