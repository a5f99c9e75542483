package bugs

import (
	"bytes"
	"slices"

	"github.com/Microsoft/hcsshim/cmd/containerd-shim-runhcs-v1/options"
	bootstrap "github.com/containerd/containerd/api/runtime/bootstrap/v1"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/anypb"

	"shimfuzz/internal/stdin"
)

const annotations = 18 // default_container_annotations

var (
	paramsType    = (*bootstrap.BootstrapParams)(nil).ProtoReflect().Descriptor()
	extensionType = (*bootstrap.Extension)(nil).ProtoReflect().Descriptor()
	anyType       = (*anypb.Any)(nil).ProtoReflect().Descriptor()
	optionsType   = (*options.Options)(nil).ProtoReflect().Descriptor()
	entryType     = optionsType.Fields().ByNumber(annotations).Message()
)

// token is a tag and its value; the start and the end of a group are a token each.
// Whatever a sloppy decoder might accept is one, which is more than protopack parses.
type token struct {
	num      uint64
	typ      protowire.Type
	fd       protoreflect.FieldDescriptor // of the field with this number, if it is a known one
	tag, val []byte                       // as written
	depth    int                          // groups around it
	start    *token                       // of the group that it ends, if there is one
	in       *message
}

// is reports whether a token is a field with a number and a wire type.
func (t *token) is(num uint64, typ protowire.Type) bool {
	return t.num == num && t.typ == typ && t.depth == 0
}

// isBytes reports whether a token is a length-delimited field with a number.
func (t *token) isBytes(num uint64) bool { return t.is(num, protowire.BytesType) }

// kind is the kind of the field that a token is, whatever its wire type; 0 is unknown.
func (t *token) kind() protoreflect.Kind {
	if t.fd == nil {
		return 0
	}
	return t.fd.Kind()
}

func (t *token) isText() bool {
	return t.kind() == protoreflect.StringKind && t.typ == protowire.BytesType
}

// isWrongType reports whether a token has a known number, and another wire type.
func (t *token) isWrongType() bool {
	switch t.kind() {
	case 0:
		return false
	case protoreflect.BoolKind, protoreflect.EnumKind, protoreflect.Int32Kind:
		return t.typ != protowire.VarintType
	}
	return t.typ != protowire.BytesType
}

// body is the value of a length-delimited field.
func (t *token) body() []byte {
	body, _ := protowire.ConsumeBytes(t.val)
	return body
}

// varint is the value of a varint; ok is false for any other token.
func (t *token) varint() (v uint64, ok bool) {
	v, n := protowire.ConsumeVarint(t.val)
	return v, t.typ == protowire.VarintType && n > 0
}

// set gives a token another tag and value.
func (t *token) set(num uint64, typ protowire.Type, val []byte) {
	t.num, t.typ, t.val, t.tag = num, typ, val, protowire.AppendVarint(nil, num<<3|uint64(typ))
}

func (t *token) setBody(b []byte) { t.set(t.num, protowire.BytesType, protowire.AppendBytes(nil, b)) }
func (t *token) setVarint(v uint64) {
	t.set(t.num, protowire.VarintType, protowire.AppendVarint(nil, v))
}

// drop removes a token from its message.
func (t *token) drop() { *t = token{typ: -1, in: t.in} }

// skip makes a token an unknown field, or the start or end of one.
func (t *token) skip() {
	const unknown = 1 << 28
	t.set(unknown|t.num&(unknown-1), t.typ, t.val)
}

// nextToken reads a token. It is nil for what is none.
func nextToken(b []byte) *token {
	tag, n := protowire.ConsumeVarint(b)
	if n < 0 {
		return nil
	}
	t := &token{num: tag >> 3, typ: protowire.Type(tag & 7), tag: b[:n]}
	size := 0
	switch t.typ {
	case protowire.VarintType: // which may be above 64 bits
		size = slices.IndexFunc(b[n:min(len(b), n+10)], func(c byte) bool { return c < 0x80 }) + 1
		if size == 0 {
			return nil
		}
	case protowire.Fixed32Type, protowire.Fixed64Type, protowire.BytesType:
		size = protowire.ConsumeFieldValue(1, t.typ, b[n:])
	}
	if size < 0 {
		return nil
	}
	t.val = b[n : n+size]
	return t
}

// message is one of the messages of a payload.
type message struct {
	md     protoreflect.MessageDescriptor
	top    bool // it is the payload itself
	tokens []*token
	open   []*token // starts of groups that do not end
	rest   []byte   // from the first fault on
}

func parse(md protoreflect.MessageDescriptor, b []byte) *message {
	m := &message{md: md, rest: b}
	for t := nextToken(b); t != nil; t = nextToken(m.rest) {
		if n := len(m.open); n > 0 && t.typ == protowire.EndGroupType {
			t.start, m.open = m.open[n-1], m.open[:n-1]
		}
		t.depth, t.in = len(m.open), m
		if t.typ == protowire.StartGroupType {
			m.open = append(m.open, t)
		}
		if t.depth == 0 && t.num <= uint64(protowire.MaxValidNumber) {
			t.fd = md.Fields().ByNumber(protowire.Number(t.num))
		}
		m.tokens, m.rest = append(m.tokens, t), m.rest[len(t.tag)+len(t.val):]
	}
	return m
}

func encode(tokens []*token) (b []byte) {
	for _, t := range tokens {
		b = append(append(b, t.tag...), t.val...)
	}
	return b
}

// inside is the type of the message that a token holds; it is nil for any other.
func (m *message) inside(t *token, url string) protoreflect.MessageDescriptor {
	switch {
	case t.fd == nil || t.typ != protowire.BytesType:
		return nil
	case m.md == anyType && t.num == 2 && namesOptions(url):
		return optionsType
	}
	return t.fd.Message()
}

// edited changes the messages of a type in a payload; nil is all types.
func edited(b []byte, md protoreflect.MessageDescriptor, change func(*message)) []byte {
	m := parse(anyType, b)
	if stdin.IsBootstrap(b) {
		m = parse(paramsType, b)
	}
	m.top = true
	return m.edit(func(m *message) {
		if md == nil || m.md == md {
			change(m)
		}
	})
}

// edit changes a message and those in it, from the outside in, each as the one around it
// has become. Lengths follow; a message that stays the same keeps its length as it was
// written.
func (m *message) edit(change func(*message)) []byte {
	change(m)
	url := ""
	for _, t := range m.tokens {
		if t.isBytes(1) {
			url = string(t.body())
		}
	}
	for _, t := range m.tokens {
		if md := m.inside(t, url); md != nil {
			if body := parse(md, t.body()).edit(change); !bytes.Equal(body, t.body()) {
				t.setBody(body)
			}
		}
	}
	return append(encode(m.tokens), m.rest...)
}

// messages is a bug that has the effect of other messages of a type.
func messages(md protoreflect.MessageDescriptor, change func(*message)) bug {
	return payloads(func(b []byte) []byte { return edited(b, md, change) })
}

// on is a bug that has the effect of other tokens in messages of a type.
func on(md protoreflect.MessageDescriptor, is func(*token) bool, change func(*token)) bug {
	return messages(md, func(m *message) {
		for _, t := range m.tokens {
			if is(t) {
				change(t)
			}
		}
	})
}

// refused is a bug that makes an error of certain tokens.
func refused(md protoreflect.MessageDescriptor, bad func(*token) bool) bug {
	return where(func(a *answer) (found bool) {
		edited(a.payload, md, func(m *message) { found = found || slices.ContainsFunc(m.tokens, bad) })
		return found && a.err == nil
	}, refuse)
}
