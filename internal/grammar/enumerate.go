package grammar

import (
	"bytes"
	"fmt"
	"iter"
	"slices"
	"strings"
)

// Sentence is one payload of an enumeration.
type Sentence struct {
	Context string
	Tokens  []Token // that differ from one payload to the next
	Top     []Token // of the payload
	Payload []byte  // instead of Top, where the tokens are not known
}

func (s Sentence) String() string {
	if s.Top == nil {
		return s.Context
	}
	return s.Context + ": " + Names(s.Tokens)
}

// Bytes returns the payload.
func (s Sentence) Bytes() []byte {
	if s.Top == nil {
		return s.Payload
	}
	return Encode(s.Top)
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
		if !yield(nil) {
			return
		}
		for _, t := range tokens {
			if !yield([]Token{t}) {
				return
			}
		}
		for length := 2; length <= longest; length++ {
			if !product(nil, slices.Repeat([][]Token{combined}, length), yield) {
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
	choices := [][]Token{
		{g.identity(1, "a-1"), g.identity(1, same), g.identity(1, "")},
		{g.identity(2, "k8s.io"), g.identity(2, same), g.identity(2, "")},
		ambient()[:2],
	}
	for _, num := range ambientTexts {
		choices = append(choices, []Token{
			text(num, fmt.Sprintf("field %d", num), "ambient", Addresses[num]),
			text(num, fmt.Sprintf("field %d %q", num, same), "ambient", same),
			text(num, fmt.Sprintf("field %d empty", num), "ambient", ""),
		})
	}
	choices = append(choices, []Token{g.inExtension(g.sent)})
	for i := range choices {
		choices[i] = slices.Insert(choices[i], 0, Token{}) // no field
	}
	return func(yield func(Sentence) bool) {
		product(nil, choices, func(t []Token) bool {
			return yield(sentence(slices.DeleteFunc(t, func(t Token) bool { return t.Bytes == nil })...))
		})
	}
}

// Sizes yields payloads of Options of both families of all sizes up to 4,200 bytes, and of
// those around the powers of two up to 131,072; nothing if Options have no string.
func (g *Grammar) Sizes() iter.Seq[Sentence] {
	const around = 80 // bytes that stand around the text
	var sizes []int
	for n := range 4200 {
		sizes = append(sizes, n)
	}
	for size := 8192; size <= 131072; size *= 2 {
		for n := size - around; n < size+3; n++ {
			sizes = append(sizes, n)
		}
	}
	return func(yield func(Sentence) bool) {
		if g.padding == nil {
			return
		}
		for _, n := range sizes {
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
		b := make([]byte, longest)
		for length := range len(b) + 1 {
			for n := range 1 << (8 * length) {
				for i := range length {
					b[i] = byte(n >> (8 * i))
				}
				if !yield(Sentence{Context: "any bytes", Payload: slices.Clone(b[:length])}) {
					return
				}
			}
		}
	}
}

// Edits yields every single edit of a payload: a bit changed, a byte left out, a byte
// doubled, the end cut off.
func Edits(name string, b []byte) iter.Seq[Sentence] {
	return func(yield func(Sentence) bool) {
		edit := func(b []byte) bool { return yield(Sentence{Context: "one edit of " + name, Payload: b}) }
		for i := range b {
			for bit := range 8 {
				flipped := bytes.Clone(b)
				flipped[i] ^= 1 << bit
				if !edit(flipped) {
					return
				}
			}
			if !edit(slices.Concat(b[:i], b[i+1:])) || !edit(slices.Concat(b[:i+1], b[i:])) || !edit(b[:i]) {
				return
			}
		}
	}
}
