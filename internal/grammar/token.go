package grammar

import (
	"bytes"
	"slices"
	"strings"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/reflect/protoreflect"

	"shimfuzz/internal/wire"
)

// Level is a kind of message within a payload.
type Level string

// The levels of a payload, from the outside in.
const (
	Legacy    Level = "legacy"    // the top level of an Any
	Bootstrap Level = "bootstrap" // the top level of BootstrapParams
	Top       Level = "top"       // the top level of either
	Extension Level = "extension" // of BootstrapParams
	Any       Level = "any"       // in an extension
	Options   Level = "options"
	Entry     Level = "annotations" // one of default_container_annotations
	Group     Level = "group"       // of a number that no message has
)

// Token is a piece of a message: a field, or what is none.
type Token struct {
	Name  string
	Bytes []byte
	// Rules are the ids in docs/contract.md of what it is an example of, separated
	// by spaces; "" for an ordinary value of a field.
	Rules string
	// Kind says whether a message with it is well-formed.
	Kind Kind
	// Freedom is the id of the freedom that allows error/malformed, too; or "".
	Freedom string
	// Single is set for a token that is enumerated by itself: a long one, or one of many
	// values of a field of which others are combined.
	Single bool

	means meaning
	parts []Token // it is these, one after the other
}

// Kind is what a token does to its message.
type Kind int

// The kinds.
const (
	Sound Kind = iota // a whole field
	Fault             // the message is malformed, whatever stands beside it
	// it is malformed at the end of its message; elsewhere it takes what follows for a part of itself
	Open
	Unclear // a group with an Open token in it, which takes the group's end for a part of itself
)

// meaning is what a reader learns from a token: the value of a field that it knows.
type meaning struct {
	field  protowire.Number   // 0: nothing
	value  protoreflect.Value // of a scalar of Options
	text   string             // of a string, or of bytes
	inside []Token            // of a message, or of the Options in the value of an Any
	id     bool               // the text is an identifier
	ours   bool               // the text names Options
}

// Encode returns the bytes of a sequence of tokens.
func Encode(tokens []Token) []byte {
	b := []byte{}
	for _, e := range tokens {
		b = append(b, e.Bytes...)
	}
	return b
}

// Names names a sequence of tokens for a report.
func Names(tokens []Token) string {
	if len(tokens) == 0 {
		return "nothing"
	}
	var b strings.Builder
	for _, e := range tokens {
		b.WriteString("[" + e.Name + "]")
	}
	return b.String()
}

// part is a token that a reader knows nothing of, or a faulty one.
func part(name, rules string, parts ...wire.Part) Token {
	return Token{Name: name, Rules: rules, Bytes: wire.Message(parts).Encode()}
}

// raw is a token of bytes that a wire.Part cannot say.
func raw(name, rules string, pieces ...[]byte) Token {
	return Token{Name: name, Rules: rules, Bytes: bytes.Join(pieces, nil)}
}

func (e Token) fault() Token              { e.Kind = Fault; return e }
func (e Token) open() Token               { e.Kind = Open; return e }
func (e Token) free(freedom string) Token { e.Freedom = freedom; return e }
func (e Token) single() Token             { e.Single = true; return e }

// text is a string field, or one of bytes.
func text(num protowire.Number, name, rules, s string) Token {
	e := part(name, rules, wire.String(num, s))
	e.means = meaning{field: num, text: s}
	return e
}

// message is a field that holds a message of these tokens.
func message(num protowire.Number, name string, inside ...Token) Token {
	e := part(name, "", wire.Bytes(num, Encode(inside)))
	e.means = meaning{field: num, inside: inside, text: string(Encode(inside))}
	return e
}

// like returns e with what another token says.
func (e Token) like(other Token) Token {
	e.means = other.means
	return e
}

// block is a sequence of tokens as one.
func block(name, rules string, parts ...Token) Token {
	return Token{Name: name, Rules: rules, Bytes: Encode(parts), parts: parts}.single()
}

// flat takes the blocks among tokens apart.
func flat(tokens []Token) []Token {
	if !slices.ContainsFunc(tokens, func(e Token) bool { return len(e.parts) > 0 }) {
		return tokens
	}
	var all []Token
	for _, e := range tokens {
		if len(e.parts) > 0 {
			all = append(all, e.parts...)
		} else {
			all = append(all, e)
		}
	}
	return all
}
