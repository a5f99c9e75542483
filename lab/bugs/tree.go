package bugs

import (
	"slices"

	"github.com/Microsoft/hcsshim/cmd/containerd-shim-runhcs-v1/options"
	bootstrap "github.com/containerd/containerd/api/runtime/bootstrap/v1"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/anypb"

	"shimfuzz/internal/wire"
)

// Fields that hold a list.
const (
	extensions  = 8  // of BootstrapParams
	annotations = 18 // default_container_annotations of Options
)

var (
	paramsType    = (*bootstrap.BootstrapParams)(nil).ProtoReflect().Descriptor()
	extensionType = (*bootstrap.Extension)(nil).ProtoReflect().Descriptor()
	anyType       = (*anypb.Any)(nil).ProtoReflect().Descriptor()
	optionsType   = (*options.Options)(nil).ProtoReflect().Descriptor()
	entryType     = optionsType.Fields().ByNumber(annotations).Message()
)

// misreading is how a sloppy decoder reads messages.
type misreading struct {
	tag      func(*token)   // makes of a token, of which only the tag has been read, what it is taken for
	message  func(*message) // makes of a message, before those in it are read, what it is taken for
	overruns bool           // a message in another one ends with the field that reaches its end, or goes beyond
}

// message is one of the messages of a payload.
type message struct {
	md     protoreflect.MessageDescriptor // nil if it is unknown
	tokens []*token
	open   []*token // starts of groups that do not end
	rest   []byte   // from the first fault on
}

// token is a tag and its value; the start and the end of a group are a token each.
// Whatever a sloppy decoder might accept is one, which is more than protopack parses.
type token struct {
	num   uint64 // cut to 64 bits with the type
	typ   protowire.Type
	tag   []byte // as written
	at    int    // the offset of the tag, as written
	val   []byte // as written; all that follows the tag, until the token has been read
	depth int    // groups that have begun before it
	group *token // the start of the innermost one of these
	in    *message
}

// payload returns what a payload, a message of a type, is taken for.
func (r misreading) payload(md protoreflect.MessageDescriptor, b []byte) []byte {
	return r.at(0, md, b)
}

// at returns what a message that stands at an offset of the payload is taken for.
func (r misreading) at(offset int, md protoreflect.MessageDescriptor, b []byte) []byte {
	m, _ := r.read(md, b, len(b))
	for _, t := range m.tokens {
		t.at += offset
	}
	return r.encode(m)
}

// read reads a message of some size that b begins with, and returns how many bytes it took.
func (r misreading) read(md protoreflect.MessageDescriptor, b []byte, size int) (m *message, end int) {
	if !r.overruns {
		b = b[:size]
	}
	m = &message{md: md}
	for end < size || r.overruns && len(m.open) > 0 && end < len(b) {
		tag, n := varint(b[end:])
		if n == 0 {
			break
		}
		t := &token{num: tag >> 3, typ: protowire.Type(tag & 7), tag: b[end : end+n], val: b[end+n:], at: end, in: m}
		if t.depth = len(m.open); t.depth > 0 {
			t.group = m.open[t.depth-1]
		}
		if r.tag != nil {
			r.tag(t)
		}
		length, all := sizeValue(t.val, t.typ), t.val
		if length < 0 || t.typ == protowire.EndGroupType && t.group == nil {
			m.rest = slices.Concat(t.tag, all[:max(0, size-end-n)])
			return m, max(end, size)
		}
		t.val, end = all[:length], end+n+length
		if md := t.message(); r.overruns && md != nil {
			size := len(t.body())
			body := all[length-size:]
			_, took := r.read(md, body, size)
			t.setBody(body[:took])
			end += took - size
		}
		m.tokens = append(m.tokens, t)
		switch {
		case t.typ == protowire.StartGroupType:
			m.open = append(m.open, t)
		case t.typ == protowire.EndGroupType:
			m.open = m.open[:t.depth-1]
		}
	}
	if end < size {
		m.rest, end = b[end:size], size
	}
	return m, end
}

// encode writes a message, and those in it, from the outside in, each as the one around it
// has become. Lengths follow, in as many bytes as before if that is possible.
func (r misreading) encode(m *message) (b []byte) {
	if r.message != nil {
		r.message(m)
	}
	url := m.last(1)
	for _, t := range m.tokens {
		md := t.message()
		// The type URL may be in another piece of the Any.
		if m.md == anyType && t.isBytes(2) && (url == "" || namesOptions(url)) {
			md = optionsType
		}
		if md != nil {
			t.setBody(r.at(t.bodyAt(), md, t.body()))
		}
		b = append(append(b, t.tag...), t.val...)
	}
	return append(b, m.rest...)
}

// last is the last value of a length-delimited field; "" is none.
func (m *message) last(num uint64) (value string) {
	for _, t := range m.tokens {
		if t.isBytes(num) {
			value = string(t.body())
		}
	}
	return value
}

// field describes the known field that has the token's number, whatever its wire type, else nil.
func (t *token) field() protoreflect.FieldDescriptor {
	if t.in.md == nil || t.depth > 0 || t.isTooHigh() {
		return nil
	}
	return t.in.md.Fields().ByNumber(protowire.Number(t.num))
}

// message describes the message that a token holds, else nil.
func (t *token) message() protoreflect.MessageDescriptor {
	if fd := t.field(); fd != nil && t.typ == protowire.BytesType {
		return fd.Message()
	}
	return nil
}

// is reports whether a token has the number of a known field of a kind, and a wire type.
func (t *token) is(kind protoreflect.Kind, typ protowire.Type) bool {
	fd := t.field()
	return fd != nil && fd.Kind() == kind && t.typ == typ
}

// wants is the wire type of a known field.
func wants(fd protoreflect.FieldDescriptor) protowire.Type {
	switch fd.Kind() {
	case protoreflect.StringKind, protoreflect.BytesKind, protoreflect.MessageKind:
		return protowire.BytesType
	}
	return protowire.VarintType
}

// isWrongType reports whether a token has a known number, and another wire type.
func (t *token) isWrongType() bool {
	fd := t.field()
	return fd != nil && t.typ != wants(fd)
}

// follows reports whether such a token stands before it in its message.
func (t *token) follows(is func(*token) bool) bool {
	return slices.ContainsFunc(t.in.tokens[:slices.Index(t.in.tokens, t)], is)
}

// precedes reports whether such a token stands behind it in its message.
func (t *token) precedes(is func(*token) bool) bool {
	return slices.ContainsFunc(t.in.tokens[slices.Index(t.in.tokens, t)+1:], is)
}

// isBytes reports whether a token is a length-delimited field with a number.
func (t *token) isBytes(num uint64) bool {
	return t.num == num && t.typ == protowire.BytesType && t.depth == 0
}

func (t *token) isText() bool { return t.is(protoreflect.StringKind, protowire.BytesType) }

// isTooHigh reports whether no field can have a token's number.
func (t *token) isTooHigh() bool { return t.num > uint64(protowire.MaxValidNumber) }

// body is the value of a length-delimited field.
func (t *token) body() []byte {
	body, _ := protowire.ConsumeBytes(t.val)
	return body
}

// bodyAt is the offset of a length-delimited field's value.
func (t *token) bodyAt() int { return t.at + len(t.tag) + len(t.val) - len(t.body()) }

// set gives a token another tag, in as many bytes if that is possible.
func (t *token) set(num uint64, typ protowire.Type) {
	t.num, t.typ, t.tag = num, typ, wire.WideVarint(num<<3|uint64(typ), len(t.tag))
}

// setType gives a token another wire type. Its tag may have more than 64 bits.
func (t *token) setType(typ protowire.Type) {
	t.tag, t.typ = append([]byte{t.tag[0]&^7 | byte(typ)}, t.tag[1:]...), typ
}

// setHead gives a token another varint as the first n bytes of its value.
func (t *token) setHead(v uint64, n int) {
	t.val = append(wire.WideVarint(v, n), t.val[n:]...)
}

// setBody makes a token a length-delimited field.
func (t *token) setBody(b []byte) {
	width := 0
	if t.typ == protowire.BytesType {
		_, width = varint(t.val)
	}
	t.setType(protowire.BytesType)
	t.val = append(wire.WideVarint(uint64(len(b)), width), b...)
}

// clear makes a token the varint 0.
func (t *token) clear() { t.val = []byte{0} }

// skip makes a token an unknown field, or the start or end of one.
func (t *token) skip() { t.set(1000, t.typ) }

// refuse makes a token a fault.
func (t *token) refuse() { t.setType(7) }

// drop removes a token from its message.
func (t *token) drop() { *t = token{typ: dropped, in: t.in} }

// maxVarint is how many bytes a varint has at most.
const maxVarint = 10

// varint reads a varint, cut to 64 bits; n is 0 if there is none.
func varint(b []byte) (v uint64, n int) {
	for i, c := range b[:min(len(b), maxVarint)] {
		v |= uint64(c&0x7f) << (7 * i)
		if c < 0x80 {
			return v, i + 1
		}
	}
	return 0, 0
}

// dropped is the type of a token that is not there.
const dropped protowire.Type = -1

// sizeValue is the number of bytes of a value that b begins with, -1 if they are not there.
func sizeValue(b []byte, typ protowire.Type) int {
	switch typ {
	case protowire.StartGroupType, protowire.EndGroupType, dropped:
		return 0
	case protowire.VarintType:
		if _, n := varint(b); n > 0 {
			return n
		}
		return -1
	}
	return protowire.ConsumeFieldValue(1, typ, b)
}
