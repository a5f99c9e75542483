// Package vocabulary has the elements that payloads are made of: for each level of a
// payload what may stand there, right and wrong, each with its bytes, what a reader
// learns from it, and the rule of docs/contract.md that it is there for.
//
// The right answer to a payload follows from what its elements say (Answer). No
// decoder is asked, so every decoder can be held to it, the reference included.
package vocabulary

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

// Element is a piece of a message: a field, or what is none.
type Element struct {
	Name  string
	Bytes []byte
	// Rules are the ids in docs/contract.md of what it is an example of, separated
	// by spaces; "" for an ordinary value of a field.
	Rules string
	// Kind says whether a message with it is well-formed.
	Kind Kind
	// Freedom is the id of the freedom that allows error/malformed, too; or "".
	Freedom string
	// Alone is set for an element that is walked alone: a long one, or one of many
	// values of a field of which others are combined.
	Alone bool

	says  said
	parts []Element // it is these, one after the other
}

// Kind is what an element does to its message.
type Kind int

// The kinds.
const (
	Sound Kind = iota // a whole field
	Fault             // the message is malformed, whatever stands beside it
	// it is malformed at the end of its message; elsewhere it takes what follows for a part of itself
	Open
	Unclear // a group with an Open element in it, which takes the group's end for a part of itself
)

// said is what a reader learns from an element: the value of a field that it knows.
type said struct {
	field  protowire.Number   // 0: nothing
	value  protoreflect.Value // of a scalar of Options
	text   string             // of a string, or of bytes
	inside []Element          // of a message, or of the Options in the value of an Any
	id     bool               // the text is an identifier
	ours   bool               // the text names Options
}

// Encode returns the bytes of a sequence of elements.
func Encode(elements []Element) []byte {
	b := []byte{}
	for _, e := range elements {
		b = append(b, e.Bytes...)
	}
	return b
}

// Names names a sequence of elements for a report.
func Names(elements []Element) string {
	if len(elements) == 0 {
		return "nothing"
	}
	var b strings.Builder
	for _, e := range elements {
		b.WriteString("[" + e.Name + "]")
	}
	return b.String()
}

// part is an element that a reader knows nothing of, or a faulty one.
func part(name, rules string, parts ...wire.Part) Element {
	return Element{Name: name, Rules: rules, Bytes: wire.Message(parts).Encode()}
}

// raw is an element of bytes that a wire.Part cannot say.
func raw(name, rules string, pieces ...[]byte) Element {
	return Element{Name: name, Rules: rules, Bytes: bytes.Join(pieces, nil)}
}

func (e Element) fault() Element              { e.Kind = Fault; return e }
func (e Element) open() Element               { e.Kind = Open; return e }
func (e Element) free(freedom string) Element { e.Freedom = freedom; return e }
func (e Element) alone() Element              { e.Alone = true; return e }

// text is a string field, or one of bytes.
func text(num protowire.Number, name, rules, s string) Element {
	e := part(name, rules, wire.String(num, s))
	e.says = said{field: num, text: s}
	return e
}

// message is a field that holds a message of these elements.
func message(num protowire.Number, name string, inside ...Element) Element {
	e := part(name, "", wire.Bytes(num, Encode(inside)))
	e.says = said{field: num, inside: inside, text: string(Encode(inside))}
	return e
}

// saying returns e with what another element says.
func (e Element) saying(other Element) Element {
	e.says = other.says
	return e
}

// block is a sequence of elements as one.
func block(name, rules string, parts ...Element) Element {
	return Element{Name: name, Rules: rules, Bytes: Encode(parts), parts: parts}.alone()
}

// flat takes the blocks among elements apart.
func flat(elements []Element) []Element {
	if !slices.ContainsFunc(elements, func(e Element) bool { return len(e.parts) > 0 }) {
		return elements
	}
	var all []Element
	for _, e := range elements {
		if len(e.parts) > 0 {
			all = append(all, e.parts...)
		} else {
			all = append(all, e)
		}
	}
	return all
}
