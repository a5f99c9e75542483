package grammar

import (
	"slices"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/reflect/protoreflect"

	"shimfuzz/internal/contract"
)

// Answer returns the right answer to a payload of these tokens at its top level, with
// the others that the contract allows. It is not known where a token takes a part of
// the next one for its own.
func (g *Grammar) Answer(top []Token) (want contract.Outcome, known bool) {
	r := newReading(flat(top))
	r.grammar = g
	if r.done() {
		return r.outcome(contract.Outcome{}), r.malformed
	}
	if len(r.tokens) == 0 {
		return contract.Outcome{Kind: contract.None}, true
	}
	if slices.ContainsFunc(r.tokens, func(e Token) bool { return e.means.field >= 3 }) {
		return r.params()
	}
	return r.bareAny(true)
}

// AnswerCreate is Answer for the tokens of the Any in CreateTaskRequest.Options (C1 to
// C3), where the fields of BootstrapParams are unknown.
func (g *Grammar) AnswerCreate(top []Token) (want contract.Outcome, known bool) {
	r := newReading(flat(top))
	r.grammar = g
	if r.done() {
		return r.outcome(contract.Outcome{}), r.malformed
	}
	if len(r.tokens) == 0 {
		return contract.Outcome{Kind: contract.None}, true
	}
	r.tokens = slices.Clone(r.tokens)
	for i := range r.tokens {
		if r.tokens[i].means.field > 2 {
			r.tokens[i].means = meaning{}
		}
	}
	return r.bareAny(false)
}

// reading is what has become of reading one payload.
type reading struct {
	grammar   *Grammar
	tokens    []Token
	malformed bool
	unknown   bool
	free      bool // malformed is allowed, too
}

// newReading looks at the tokens of one message for what makes it malformed.
func newReading(tokens []Token) reading {
	r := reading{tokens: tokens}
	for i, e := range tokens {
		r.free = r.free || e.Freedom != ""
		if e.Kind == Fault || e.Kind == Open && i == len(tokens)-1 {
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

// enter reads a message within this one. What a token may have taken for a part of
// itself says nothing.
func (r *reading) enter(tokens []Token) reading {
	inner := newReading(flat(tokens))
	if inner.done() {
		inner.tokens = nil
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
	var ours []Token
	for _, e := range r.tokens {
		switch e.means.field {
		case 0, 3:
		case 8:
			names, value := r.extension(e.means.inside)
			if names && !found {
				found, ours = true, value
			}
		default:
			r.malformed = r.malformed || !utf8.ValidString(e.means.text)
		}
	}
	if found && !r.done() {
		answer = r.options(ours)
	}
	return r.outcome(answer), r.malformed || !r.unknown
}

// extension reads an Extension, whose Any may come in pieces, and returns the value
// if the type URL names Options.
func (r *reading) extension(tokens []Token) (ours bool, value []Token) {
	for _, piece := range r.enter(tokens).tokens {
		if piece.means.field != 1 {
			continue
		}
		for _, e := range r.enter(piece.means.inside).tokens {
			switch e.means.field {
			case 1:
				ours = e.means.ours
				r.malformed = r.malformed || !utf8.ValidString(e.means.text)
			case 2:
				value = e.means.inside
			}
		}
	}
	return ours, value
}

// bareAny reads an Any at the top level (R4, C2 and C3), and knows the freedom
// overwritten. minimal says whether an ID and a namespace are none (R4b).
func (r *reading) bareAny(minimal bool) (contract.Outcome, bool) {
	var last [3]meaning
	for _, e := range r.tokens {
		if e.means.field != 0 {
			last[e.means.field] = e.means
		}
	}
	url, value := last[1], last[2]
	overwritten := false
	valid := true // as BootstrapParams
	for i, e := range r.tokens {
		if e.means.field == 0 || utf8.ValidString(e.means.text) {
			continue
		}
		valid = false
		again := slices.ContainsFunc(r.tokens[i+1:],
			func(later Token) bool { return later.means.field == e.means.field })
		if again && (e.means.field == 1 || !url.ours) {
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
func (r *reading) options(tokens []Token) contract.Outcome {
	m := r.grammar.message.New()
	for _, e := range r.enter(tokens).tokens {
		if e.means.field == 0 {
			continue
		}
		fd := m.Descriptor().Fields().ByNumber(e.means.field)
		if fd.IsMap() {
			key, value := r.entry(e.means.inside)
			m.Mutable(fd).Map().Set(protoreflect.ValueOfString(key).MapKey(), protoreflect.ValueOfString(value))
			continue
		}
		m.Set(fd, e.means.value)
	}
	return contract.Outcome{Kind: contract.Options, Options: m.Interface()}
}

func (r *reading) entry(tokens []Token) (key, value string) {
	texts := make(map[protowire.Number]string)
	for _, e := range r.enter(tokens).tokens {
		texts[e.means.field] = e.means.text
	}
	return texts[1], texts[2]
}
