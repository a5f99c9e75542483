package grammar

import (
	"cmp"
	"fmt"
	"slices"

	"google.golang.org/protobuf/encoding/protowire"

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
	// any bytes, or a group with an Open token in it, which takes the group's end for a part of itself
	Unclear
)

// meaning is what a reader learns from a token: the value of a field that it knows.
type meaning struct {
	field  protowire.Number // 0: nothing
	number uint64           // of a varint
	text   string           // of a string, or of bytes
	inside []Token          // of a message, or of the Options in the value of an Any
	ours   bool             // the text names Options
}

// Encode returns the bytes of a sequence of tokens.
func Encode(tokens []Token) []byte {
	b := []byte{}
	for _, t := range tokens {
		b = append(b, t.Bytes...)
	}
	return b
}

// Names names a sequence of tokens for a report.
func Names(tokens []Token) string {
	names := ""
	for _, t := range tokens {
		names += "[" + t.Name + "]"
	}
	return cmp.Or(names, "nothing")
}

// part is a token that a reader knows nothing of, or a faulty one.
func part(name, rules string, parts ...wire.Part) Token {
	return Token{Name: name, Rules: rules, Bytes: wire.Message(parts).Encode()}
}

// varint is a number, a bool or an enum, plainly encoded or as these parts.
func varint(num protowire.Number, name, rules string, n uint64, encoded ...wire.Part) Token {
	if len(encoded) == 0 {
		encoded = []wire.Part{wire.Varint(num, n)}
	}
	t := part(name, rules, encoded...)
	t.means = meaning{field: num, number: n}
	return t
}

// text is a string field, or one of bytes.
func text(num protowire.Number, name, rules, s string) Token {
	t := part(name, rules, wire.String(num, s))
	t.means = meaning{field: num, text: s}
	return t
}

// message is a field that holds a message of these tokens.
func message(num protowire.Number, name, rules string, inside ...Token) Token {
	t := text(num, name, rules, string(Encode(inside)))
	t.means.inside = inside
	return t
}

// block is a sequence of tokens as one.
func block(name, rules string, parts ...Token) Token {
	return Token{Name: name, Rules: rules, Bytes: Encode(parts), parts: parts, Single: true}
}

// flat takes the blocks among tokens apart.
func flat(tokens []Token) []Token {
	if !slices.ContainsFunc(tokens, func(t Token) bool { return len(t.parts) > 0 }) {
		return tokens
	}
	var all []Token
	for _, t := range tokens {
		if t.parts == nil {
			t.parts = []Token{t}
		}
		all = append(all, t.parts...)
	}
	return all
}

func (t Token) fault() Token              { t.Kind = Fault; return t }
func (t Token) open() Token               { t.Kind = Open; return t }
func (t Token) free(freedom string) Token { t.Freedom = freedom; return t }
func (t Token) single() Token             { t.Single = true; return t }

// each makes another token of each.
func each(tokens []Token, other func(Token) Token) (list []Token) {
	for _, t := range tokens {
		list = append(list, other(t))
	}
	return list
}

// width is a number of bytes in which the tag of a field, or its length, is written.
type width struct {
	of    string
	bytes int
}

// tagAndLength are the widest that every reader takes, and what it may refuse.
var tagAndLength = []width{{"tag", widestTag}, {"length", widestTag}, {"tag", 6}, {"length", 6}}

// wide returns a field with its tag or its length wider than it needs to be.
func (t Token) wide(name string, widths ...width) (list []Token) {
	fields, _ := wire.Parse(t.Bytes)
	f := fields[0]
	for _, w := range widths {
		p := wire.Bytes(f.Num, f.Value)
		if f.Type == protowire.VarintType {
			p = wire.Varint(f.Num, t.means.number)
		}
		if p = p.WideTag(w.bytes); w.of == "length" {
			p = p.WideTag(0).Wide(w.bytes)
		}
		e := part(fmt.Sprintf("%s with its %s in %d bytes", name, w.of, w.bytes), "varint", p)
		e.means = t.means
		if w.bytes > widestTag && (w.of == "tag" || f.Type == protowire.BytesType) {
			e.Rules, e.Freedom = "wide-tag", "wide-tag"
		}
		list = append(list, e)
	}
	return list
}
