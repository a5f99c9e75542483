package grammar

import (
	"slices"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/reflect/protoreflect"

	"shimfuzz/internal/contract"
	"shimfuzz/internal/stdin"
)

// Answer returns the right answer to an input of these tokens at its top level, with
// the others that the contract allows. It is not known where a token takes a part of
// the next one for its own.
func (g *Grammar) Answer(in contract.Input, top []Token) (want contract.Outcome, known bool) {
	r := &reading{message: g.message}
	tokens := r.enter(top)
	answer := contract.Outcome{Kind: contract.None}
	switch {
	case len(tokens) == 0:
	case in == contract.Stdin && slices.ContainsFunc(tokens, func(t Token) bool { return t.means.field > 2 }):
		answer = r.params(tokens)
	default:
		answer = r.bareAny(tokens, in)
	}
	malformed := contract.Outcome{Kind: contract.Malformed}
	switch {
	case r.overwritten:
		malformed.Or = []contract.Outcome{{Kind: contract.Foreign}}
		if answer.Kind != contract.Foreign && !r.malformed {
			malformed.Or = append(malformed.Or, answer)
		}
		return malformed, !r.unknown
	case r.malformed:
		return malformed, true
	case r.free:
		answer.Or = []contract.Outcome{malformed}
	}
	return answer, !r.unknown
}

// reading is what has become of reading one payload.
type reading struct {
	message     protoreflect.MessageType
	malformed   bool
	unknown     bool
	free        bool // malformed is allowed, too
	overwritten bool // the freedom of this name applies
}

// enter reads a message, and returns the tokens of it that say something: none if one of
// them makes it malformed, or may have taken others for a part of itself.
func (r *reading) enter(tokens []Token) []Token {
	tokens = flat(tokens)
	for i, t := range tokens {
		r.free = r.free || t.Freedom != ""
		if t.Kind == Fault || t.Kind == Open && i == len(tokens)-1 {
			r.malformed = true
			return nil
		}
		if t.Kind != Sound {
			r.unknown = true
			return nil
		}
	}
	return tokens
}

// params reads BootstrapParams: the first extension that names Options decides (R3).
func (r *reading) params(tokens []Token) contract.Outcome {
	found := false
	var ours []Token
	for _, t := range tokens {
		if t.means.field != 8 {
			r.malformed = r.malformed || !utf8.ValidString(t.means.text)
			continue
		}
		if names, value := r.extension(t.means.inside); names && !found {
			found, ours = true, value
		}
	}
	if !found || r.malformed || r.unknown {
		return contract.Outcome{Kind: contract.None}
	}
	return r.options(ours)
}

// extension reads an Extension, whose Any may come in pieces, and returns the value
// if the type URL names Options.
func (r *reading) extension(tokens []Token) (ours bool, value []Token) {
	for _, piece := range r.enter(tokens) {
		for _, t := range r.enter(piece.means.inside) {
			switch t.means.field {
			case 1:
				ours = t.means.ours
				r.malformed = r.malformed || !utf8.ValidString(t.means.text)
			case 2:
				value = t.means.inside
			}
		}
	}
	return ours, value
}

// bareAny reads an Any at the top level (R4, C2 and C3), and knows the freedom
// overwritten. On standard input an ID and a namespace are none (R4b).
func (r *reading) bareAny(tokens []Token, in contract.Input) contract.Outcome {
	var url, value meaning
	for _, t := range tokens {
		switch t.means.field {
		case 1:
			url = t.means
		case 2:
			value = t.means
		}
	}
	valid := true // as BootstrapParams
	for i, t := range tokens {
		num := t.means.field
		if num != 1 && num != 2 || utf8.ValidString(t.means.text) {
			continue
		}
		valid = false
		again := slices.ContainsFunc(tokens[i+1:], func(later Token) bool { return later.means.field == num })
		r.overwritten = r.overwritten || again && (num == 1 || !url.ours)
	}
	isMinimal := in == contract.Stdin && stdin.IsIdentifier(url.text) && stdin.IsIdentifier(value.text)
	switch {
	case !utf8.ValidString(url.text):
		r.malformed = true
	case url.ours:
		return r.options(value.inside)
	case isMinimal && (valid || r.overwritten):
		return contract.Outcome{Kind: contract.None}
	}
	return contract.Outcome{Kind: contract.Foreign}
}

// options reads Options.
func (r *reading) options(tokens []Token) contract.Outcome {
	m := r.message.New()
	for _, t := range r.enter(tokens) {
		fd := m.Descriptor().Fields().ByNumber(t.means.field)
		switch {
		case fd == nil: // older Options do not have each field
		case fd.IsMap():
			entry := make(map[protowire.Number]string)
			for _, t := range r.enter(t.means.inside) {
				entry[t.means.field] = t.means.text
			}
			setEntry(m, fd, entry[1], entry[2])
		default:
			m.Set(fd, valueOf(fd.Kind(), t.means.number, t.means.text))
		}
	}
	return contract.Outcome{Kind: contract.Options, Options: m.Interface()}
}
