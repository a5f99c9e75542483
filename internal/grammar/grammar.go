// Package grammar is the one description of what payloads there are: for each level of a
// payload the tokens that may stand there, right and wrong, each with its bytes, what a
// reader learns from it, and the rule of docs/contract.md that it is there for. Sequences of
// them are enumerated (Sentences). What is drawn are messages (Valid), which one encoder writes
// in any of the ways that mean the same (Variations), with the unknown fields and the faults
// (Malformed) of the same tokens.
//
// The right answer to a payload follows from how it was built: Answer says it of a
// sequence of tokens, and a Payload that is drawn has it. No decoder is asked, so every
// decoder can be held to it, the reference included. Which fields Options have is read
// from the linked descriptor, so the same grammar serves every version of hcsshim.
package grammar

import (
	"math"
	"slices"
	"sync"

	"github.com/Microsoft/hcsshim/cmd/containerd-shim-runhcs-v1/options"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// Grammar is of payloads that carry Options of one type.
type Grammar struct {
	message protoreflect.MessageType
	name    string                       // of the type, in full
	options []field                      // that tokens and draws set
	entries protoreflect.FieldDescriptor // the map that tokens and draws set, nil if there is none
	padding protoreflect.FieldDescriptor // a string, for long texts, nil if there is none
	sites   map[Level]site

	nearNames  []string // type URLs that are almost one of the type
	OtherNames []string // types that containerd's clients send to other shims

	ours            Token // a type URL that names the type
	sent, sentOther Token // Options' first scalar field, and a text in another one

	levels func() map[Level]level // made when they are asked for

	sizes, counts []int // of long texts, of many entries that are drawn
	plain         int   // of three chances to apply a variation, how many are left
	longest       int   // bytes of a fault, or of an unknown field
}

// field is a field of a message with what its descriptor takes long to say.
type field struct {
	protoreflect.FieldDescriptor
	num      protowire.Number
	kind     protoreflect.Kind
	presence bool
	drawn    bool // tokens and draws set it: it is a scalar, or a map from strings to strings
}

func fieldsOf(md protoreflect.MessageDescriptor) (list []field) {
	for i := range md.Fields().Len() {
		fd := md.Fields().Get(i)
		list = append(list, field{fd, fd.Number(), fd.Kind(), fd.HasPresence(), isScalar(fd) || isEntries(fd)})
	}
	return list
}

// RunHCS is the grammar of payloads that carry hcsshim's Options.
var RunHCS = Of((*options.Options)(nil).ProtoReflect().Type())

// Of returns the grammar of payloads that carry Options of a type.
func Of(message protoreflect.MessageType) *Grammar {
	g := &Grammar{message: message, name: string(message.Descriptor().FullName()),
		sizes: Sizes, counts: Counts[:len(Counts)-3], plain: 1, longest: math.MaxInt}
	for _, f := range fieldsOf(message.Descriptor()) {
		if f.drawn {
			g.add(f)
		}
	}
	isName := func(name string) bool { return name == g.name }
	g.nearNames = slices.DeleteFunc(nearNames(g.name), isName)
	g.OtherNames = slices.DeleteFunc(slices.Clone(otherNames), isName)
	g.sites = g.allSites()
	g.ours = g.url(g.name)
	if g.padding != nil {
		g.sentOther = set(g.padding, "other", 1)
	}
	g.levels = sync.OnceValue(g.allLevels)
	return g
}

// add adds a field of Options. Long texts go to log_level, which every version of
// hcsshim's Options has, or to the last string.
func (g *Grammar) add(f field) {
	g.options = append(g.options, f)
	switch {
	case f.IsMap():
		g.entries = f.FieldDescriptor
		return
	case g.sent.Bytes == nil:
		g.sent = set(f, "sent", 1)
	}
	if f.kind == protoreflect.StringKind && (g.padding == nil || g.padding.Name() != "log_level") {
		g.padding = f.FieldDescriptor
	}
}

// Small returns a grammar for a fuzzer, which would draw large payloads again and again:
// of shorter texts, fewer entries, extensions and variations, and no long faults and
// unknown fields.
func (g *Grammar) Small() *Grammar {
	s := *g
	s.sizes, s.counts, s.plain, s.longest = Sizes[:2], Counts[:6], 2, 64
	return &s
}

// token draws one of some tokens.
func (g *Grammar) token(rnd Rand, from []Token) Token {
	t := pick(rnd, from)
	for len(t.Bytes) > g.longest {
		t = pick(rnd, from)
	}
	return t
}

// isScalar reports whether tokens and draws set a field of Options: one of the kinds that
// the Options of some released shim have, and not one of a oneof.
func isScalar(fd protoreflect.FieldDescriptor) bool {
	if fd.IsList() || fd.IsMap() || fd.ContainingOneof() != nil && !fd.HasOptionalKeyword() {
		return false
	}
	return fd.Kind() == protoreflect.StringKind || fd.Kind() == protoreflect.BytesKind || isVarint(fd)
}

// isEntries reports whether a field of Options is a map from strings to strings.
func isEntries(fd protoreflect.FieldDescriptor) bool {
	return fd.IsMap() && fd.MapKey().Kind() == protoreflect.StringKind &&
		fd.MapValue().Kind() == protoreflect.StringKind
}

func isVarint(fd protoreflect.FieldDescriptor) bool {
	switch fd.Kind() {
	case protoreflect.BoolKind, protoreflect.EnumKind, protoreflect.Int32Kind, protoreflect.Uint32Kind,
		protoreflect.Int64Kind, protoreflect.Uint64Kind:
		return true
	}
	return false
}

// Levels are those of a family, which is Legacy or Bootstrap, from the outside in.
func (g *Grammar) Levels(family Level) []Level {
	levels := []Level{Legacy, Options, Entry}
	if family == Bootstrap {
		levels = []Level{Bootstrap, Extension, Any, Options, Entry}
	}
	if g.entries == nil {
		return levels[:len(levels)-1]
	}
	return levels
}
