// Package walk enumerates everything small: all sequences of a few elements, all
// combinations of fields, all sizes, all short strings of bytes, all neighbours.
package walk

import (
	"bytes"
	"iter"
	"slices"

	"shimfuzz/internal/vocabulary"
)

// Step is one payload of a walk.
type Step struct {
	Place    string
	Elements []vocabulary.Element // that differ from one payload to the next
	Top      []vocabulary.Element // of the payload
	Payload  []byte               // instead of Top, where the elements are not known
}

func (s Step) String() string {
	if s.Top == nil {
		return s.Place
	}
	return s.Place + ": " + vocabulary.Names(s.Elements)
}

// Bytes returns the step's payload.
func (s Step) Bytes() []byte {
	if s.Top == nil {
		return s.Payload
	}
	return vocabulary.Encode(s.Top)
}

// Elements yields each sequence of the elements of a place up to a length: each element,
// and all sequences of those that are combined. The shorter ones come first.
func Elements(v *vocabulary.Vocabulary, place vocabulary.Place, longest int) iter.Seq[Step] {
	return func(yield func(Step) bool) {
		for seq := range Sequences(v.Elements(place.Level), longest) {
			seq = slices.Clone(seq)
			if !yield(Step{Place: place.Name, Elements: seq, Top: place.Payload(seq)}) {
				return
			}
		}
	}
}

// Sequences yields each element, and all sequences of those that are combined, the
// shorter ones first. It reuses the slice.
func Sequences(elements []vocabulary.Element, longest int) iter.Seq[[]vocabulary.Element] {
	combined := slices.DeleteFunc(slices.Clone(elements), func(e vocabulary.Element) bool { return e.Alone })
	return func(yield func([]vocabulary.Element) bool) {
		if !yield(nil) {
			return
		}
		for _, e := range elements {
			if !yield([]vocabulary.Element{e}) {
				return
			}
		}
		for length := 2; length <= longest; length++ {
			if !fill(make([]vocabulary.Element, length), 0, combined, yield) {
				return
			}
		}
	}
}

func fill(seq []vocabulary.Element, from int, elements []vocabulary.Element,
	yield func([]vocabulary.Element) bool) bool {
	if from == len(seq) {
		return yield(seq)
	}
	for _, e := range elements {
		seq[from] = e
		if !fill(seq, from+1, elements, yield) {
			return false
		}
	}
	return true
}

// Params yields every combination of the fields of BootstrapParams (Params of the vocabulary).
// One with fewer of them comes before those that add to it.
func Params(v *vocabulary.Vocabulary) iter.Seq[Step] { return top("top", v.Params()) }

// Sizes yields payloads of every size (Padded of the vocabulary).
func Sizes(v *vocabulary.Vocabulary) iter.Seq[Step] { return top("top", v.Padded()) }

// top yields steps of the elements of the top level.
func top(place string, all iter.Seq[[]vocabulary.Element]) iter.Seq[Step] {
	return func(yield func(Step) bool) {
		for elements := range all {
			if !yield(Step{Place: place, Elements: elements, Top: elements}) {
				return
			}
		}
	}
}

// Strings yields every string of up to some bytes, the shorter ones first.
func Strings(longest int) iter.Seq[Step] {
	return func(yield func(Step) bool) {
		b := make([]byte, longest)
		for length := range len(b) + 1 {
			for n := range 1 << (8 * length) {
				for i := range length {
					b[i] = byte(n >> (8 * i))
				}
				if !yield(Step{Place: "any bytes", Payload: slices.Clone(b[:length])}) {
					return
				}
			}
		}
	}
}

// Neighbours yields what is next to a payload: a bit changed, a byte left out, a byte
// doubled, the end cut off.
func Neighbours(name string, b []byte) iter.Seq[Step] {
	return func(yield func(Step) bool) {
		step := func(b []byte) bool { return yield(Step{Place: "neighbour of " + name, Payload: b}) }
		for i := range b {
			for bit := range 8 {
				flipped := bytes.Clone(b)
				flipped[i] ^= 1 << bit
				if !step(flipped) {
					return
				}
			}
			if !step(slices.Concat(b[:i], b[i+1:])) || !step(slices.Concat(b[:i+1], b[i:])) || !step(b[:i]) {
				return
			}
		}
	}
}
