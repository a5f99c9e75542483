package vocabulary

import (
	"slices"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/reflect/protoreflect"

	"shimfuzz/internal/contract"
)

// Answer returns the right answer to a payload of these elements at its top level, with
// the others that the contract allows. It is not known where an element takes a part of
// the next one for its own.
func (v *Vocabulary) Answer(top []Element) (want contract.Outcome, known bool) {
	r := newReading(flat(top))
	r.vocabulary = v
	if r.done() {
		return r.outcome(contract.Outcome{}), r.malformed
	}
	if len(r.elements) == 0 {
		return contract.Outcome{Kind: contract.None}, true
	}
	if slices.ContainsFunc(r.elements, func(e Element) bool { return e.says.field >= 3 }) {
		return r.params()
	}
	return r.bareAny(true)
}

// AnswerCreate is Answer for the elements of the Any in CreateTaskRequest.Options (C1 to
// C3), where the fields of BootstrapParams are unknown.
func (v *Vocabulary) AnswerCreate(top []Element) (want contract.Outcome, known bool) {
	r := newReading(flat(top))
	r.vocabulary = v
	if r.done() {
		return r.outcome(contract.Outcome{}), r.malformed
	}
	if len(r.elements) == 0 {
		return contract.Outcome{Kind: contract.None}, true
	}
	r.elements = slices.Clone(r.elements)
	for i := range r.elements {
		if r.elements[i].says.field > 2 {
			r.elements[i].says = said{}
		}
	}
	return r.bareAny(false)
}

// reading is what has become of reading one payload.
type reading struct {
	vocabulary *Vocabulary
	elements   []Element
	malformed  bool
	unknown    bool
	free       bool // malformed is allowed, too
}

// newReading looks at the elements of one message for what makes it malformed.
func newReading(elements []Element) reading {
	r := reading{elements: elements}
	for i, e := range elements {
		r.free = r.free || e.Freedom != ""
		if e.Kind == Fault || e.Kind == Open && i == len(elements)-1 {
			r.malformed = true
			return r
		}
		if e.Kind != Sound {
			r.unknown = true
			return r
		}
	}
	return r
}

func (r *reading) done() bool { return r.malformed || r.unknown }

// enter reads a message within this one. What an element may have taken for a part of
// itself says nothing.
func (r *reading) enter(elements []Element) reading {
	inner := newReading(flat(elements))
	if inner.done() {
		inner.elements = nil
	}
	r.malformed = r.malformed || inner.malformed
	r.unknown = r.unknown || inner.unknown
	r.free = r.free || inner.free
	return inner
}

// outcome returns the answer, if the message is not malformed, with what else is allowed.
func (r *reading) outcome(answer contract.Outcome) contract.Outcome {
	malformed := contract.Outcome{Kind: contract.Malformed}
	if r.malformed {
		return malformed
	}
	if r.free {
		answer.Or = []contract.Outcome{malformed}
	}
	return answer
}

// params reads BootstrapParams: the first extension that names Options decides (R3).
func (r *reading) params() (contract.Outcome, bool) {
	answer := contract.Outcome{Kind: contract.None}
	found := false
	var ours []Element
	for _, e := range r.elements {
		switch e.says.field {
		case 0, 3:
		case 8:
			names, value := r.extension(e.says.inside)
			if names && !found {
				found, ours = true, value
			}
		default:
			r.malformed = r.malformed || !utf8.ValidString(e.says.text)
		}
	}
	if found && !r.done() {
		answer = r.options(ours)
	}
	return r.outcome(answer), r.malformed || !r.unknown
}

// extension reads an Extension, whose Any may come in pieces, and returns the value
// if the type URL names Options.
func (r *reading) extension(elements []Element) (ours bool, value []Element) {
	for _, piece := range r.enter(elements).elements {
		if piece.says.field != 1 {
			continue
		}
		for _, e := range r.enter(piece.says.inside).elements {
			switch e.says.field {
			case 1:
				ours = e.says.ours
				r.malformed = r.malformed || !utf8.ValidString(e.says.text)
			case 2:
				value = e.says.inside
			}
		}
	}
	return ours, value
}

// bareAny reads an Any at the top level (R4, C2 and C3), and knows the freedom
// overwritten. minimal says whether an ID and a namespace are none (R4b).
func (r *reading) bareAny(minimal bool) (contract.Outcome, bool) {
	var last [3]said
	for _, e := range r.elements {
		if e.says.field != 0 {
			last[e.says.field] = e.says
		}
	}
	url, value := last[1], last[2]
	overwritten := false
	valid := true // as BootstrapParams
	for i, e := range r.elements {
		if e.says.field == 0 || utf8.ValidString(e.says.text) {
			continue
		}
		valid = false
		again := slices.ContainsFunc(r.elements[i+1:],
			func(later Element) bool { return later.says.field == e.says.field })
		if again && (e.says.field == 1 || !url.ours) {
			overwritten = true
		}
	}
	answer := contract.Outcome{Kind: contract.Foreign}
	switch {
	case !utf8.ValidString(url.text):
		r.malformed = true
	case url.ours:
		answer = r.options(value.inside)
	case minimal && url.id && value.id && (valid || overwritten):
		answer = contract.Outcome{Kind: contract.None}
	}
	if !overwritten {
		return r.outcome(answer), r.malformed || !r.unknown
	}
	want := contract.Outcome{Kind: contract.Malformed, Or: []contract.Outcome{{Kind: contract.Foreign}}}
	if answer.Kind != contract.Foreign && !r.malformed {
		want.Or = append(want.Or, answer)
	}
	return want, !r.unknown
}

// options reads Options.
func (r *reading) options(elements []Element) contract.Outcome {
	m := r.vocabulary.message.New()
	for _, e := range r.enter(elements).elements {
		if e.says.field == 0 {
			continue
		}
		fd := m.Descriptor().Fields().ByNumber(e.says.field)
		if fd.IsMap() {
			key, value := r.entry(e.says.inside)
			m.Mutable(fd).Map().Set(protoreflect.ValueOfString(key).MapKey(), protoreflect.ValueOfString(value))
			continue
		}
		m.Set(fd, e.says.value)
	}
	return contract.Outcome{Kind: contract.Options, Options: m.Interface()}
}

func (r *reading) entry(elements []Element) (key, value string) {
	texts := make(map[protowire.Number]string)
	for _, e := range r.enter(elements).elements {
		texts[e.says.field] = e.says.text
	}
	return texts[1], texts[2]
}
