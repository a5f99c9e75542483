package handwritten

import (
	"bytes"
	"iter"
	"slices"

	"github.com/Microsoft/hcsshim/cmd/containerd-shim-runhcs-v1/options"
	bootstrap "github.com/containerd/containerd/api/runtime/bootstrap/v1"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/anypb"

	"shimfuzz/internal/wire"
)

// place is where a message stands in a payload.
type place int

const (
	atTop       place = iota // BootstrapParams or a legacy Any
	atExtension              // of BootstrapParams
	atAny                    // of an Extension
	atOptions                // of an Any that names them
	atEntry                  // of the annotations
)

const annotations protowire.Number = 18 // default_container_annotations

var (
	paramsType    = (*bootstrap.BootstrapParams)(nil).ProtoReflect().Descriptor()
	extensionType = (*bootstrap.Extension)(nil).ProtoReflect().Descriptor()
	anyType       = (*anypb.Any)(nil).ProtoReflect().Descriptor()
	optionsType   = (*options.Options)(nil).ProtoReflect().Descriptor()
	entryType     = optionsType.Fields().ByNumber(annotations).Message()
)

// message is one of the messages of a payload.
type message struct {
	at     place
	params bool // it is BootstrapParams
	md     protoreflect.MessageDescriptor
	b      []byte
}

// visit writes a message of a payload again. A payload's messages are visited
// from the outside in, each as the one around it was written. Lengths follow;
// a message that stays the same keeps its length as it was written.
type visit func(message) []byte

func (v visit) top(b []byte) []byte {
	if isParams(b) {
		b = v(message{atTop, true, paramsType, b})
	} else {
		b = v(message{atTop, false, anyType, b})
	}
	if isParams(b) {
		found := false
		return eachBody(b, 8, func(extension []byte) []byte { return v.extension(extension, &found) })
	}
	if namesOptions(string(lastBody(b, 1))) {
		return eachBody(b, 2, v.options)
	}
	return b
}

// extension visits an Extension, whose Any can be in several pieces. The options
// in it are visited if they are the first.
func (v visit) extension(b []byte, found *bool) []byte {
	b = v(message{atExtension, false, extensionType, b})
	b = eachBody(b, 1, func(piece []byte) []byte { return v(message{atAny, false, anyType, piece}) })
	if *found || !namesOptions(extensionURL(b)) {
		return b
	}
	*found = true
	return eachBody(b, 1, func(piece []byte) []byte { return eachBody(piece, 2, v.options) })
}

func (v visit) options(b []byte) []byte {
	b = v(message{atOptions, false, optionsType, b})
	return eachBody(b, annotations, func(entry []byte) []byte { return v(message{atEntry, false, entryType, entry}) })
}

// extensionURL is the type URL of an Extension's Any.
func extensionURL(extension []byte) string {
	var url []byte
	for f := range parsed(extension) {
		if f.Num != 1 || f.Type != protowire.BytesType {
			continue
		}
		if piece := lastBody(f.Value, 1); piece != nil {
			url = piece
		}
	}
	return string(url)
}

// lastBody is the body of the last length-delimited field of a number.
func lastBody(b []byte, num protowire.Number) (body []byte) {
	for f := range parsed(b) {
		if f.Num == num && f.Type == protowire.BytesType {
			body = f.Value
		}
	}
	return body
}

// isParams is stdin.IsBootstrap for payloads of any number of fields.
func isParams(b []byte) bool {
	return anyField(b, func(f wire.Field) bool {
		fd := paramsType.Fields().ByNumber(f.Num)
		return f.Num >= 3 && fd != nil && f.Type == wireType(fd)
	})
}

// wireType is the wire type of a field of any message of a payload.
func wireType(fd protoreflect.FieldDescriptor) protowire.Type {
	switch fd.Kind() {
	case protoreflect.BoolKind, protoreflect.EnumKind, protoreflect.Int32Kind:
		return protowire.VarintType
	}
	return protowire.BytesType
}

// parsed is wire.Parse without memory for the fields: what a bug costs besides
// must not be what it is noticed by.
func parsed(b []byte) iter.Seq[wire.Field] {
	return func(yield func(wire.Field) bool) {
		for at := 0; at < len(b); {
			num, typ, n := protowire.ConsumeTag(b[at:])
			if n < 0 || num > protowire.MaxValidNumber {
				return
			}
			m := protowire.ConsumeFieldValue(num, typ, b[at+n:])
			if m < 0 {
				return
			}
			f := wire.Field{Num: num, Type: typ, Offset: at, Value: b[at+n : at+n+m], Raw: b[at : at+n+m]}
			if typ == protowire.BytesType {
				f.Value, _ = protowire.ConsumeBytes(f.Value)
			}
			if !yield(f) {
				return
			}
			at += n + m
		}
	}
}

// wellFormed is the length of the fields before a message's first fault.
func wellFormed(b []byte) (n int) {
	for f := range parsed(b) {
		n += len(f.Raw)
	}
	return n
}

func isWellFormed(b []byte) bool { return wellFormed(b) == len(b) }

// edited is a message that is written again piece by piece. It is copied when
// the first piece changes.
type edited struct {
	b, out  []byte
	at      int
	changed bool
}

func (e *edited) piece(old, now []byte) {
	if !e.changed && !bytes.Equal(old, now) {
		e.out, e.changed = bytes.Clone(e.b[:e.at]), true
	}
	if e.changed {
		e.out = append(e.out, now...)
	}
	e.at += len(old)
}

// rest is the message; what has not been written again stays.
func (e *edited) rest() []byte {
	if !e.changed {
		return slices.Clip(e.b)
	}
	return append(e.out, e.b[e.at:]...)
}

// eachField writes a message again with some fields changed. What is no message
// stays.
func eachField(b []byte, change func(wire.Field) []byte) []byte {
	out := edited{b: b}
	for f := range parsed(b) {
		out.piece(f.Raw, change(f))
	}
	return out.rest()
}

// anyField reports whether one of a message's fields is as the caller says.
func anyField(b []byte, is func(wire.Field) bool) bool {
	for f := range parsed(b) {
		if is(f) {
			return true
		}
	}
	return false
}

// count is how many fields of a number and a wire type a message has.
func count(b []byte, num protowire.Number, typ protowire.Type) (n int) {
	for f := range parsed(b) {
		if f.Num == num && f.Type == typ {
			n++
		}
	}
	return n
}

// eachBody writes a message again with the bodies of a length-delimited field
// changed.
func eachBody(b []byte, num protowire.Number, change func([]byte) []byte) []byte {
	return eachField(b, func(f wire.Field) []byte {
		if f.Num != num || f.Type != protowire.BytesType {
			return f.Raw
		}
		body := change(f.Value)
		if bytes.Equal(body, f.Value) {
			return f.Raw
		}
		return wire.Message{wire.Bytes(num, body)}.Encode()
	})
}

// messages is a bug that has the effect of other bytes in some messages.
func messages(change func(message) []byte) func(Read) Read { return payloads(visit(change).top) }

// refusedMessages is a bug that makes an error of certain messages.
func refusedMessages(bad func(message) bool) func(Read) Read {
	return refused(func(a *answer) (found bool) {
		visit(func(m message) []byte {
			found = found || bad(m)
			return m.b
		}).top(a.payload)
		return found
	})
}

// token is a tag and what belongs to it: the start and the end of a group are a
// token each. Everything that a sloppy decoder might accept is one.
type token struct {
	num   uint64
	typ   protowire.Type // 6 and 7 have no value
	raw   []byte
	tag   []byte
	val   []byte // as written, with its length
	depth int    // groups around it; -1 for an end without a start
}

// body is the value of a length-delimited field.
func (t token) body() []byte {
	body, _ := protowire.ConsumeBytes(t.val)
	return body
}

// numbered is the token with another field number.
func (t token) numbered(num uint64) []byte {
	if num == t.num {
		return t.raw
	}
	return append(protowire.AppendVarint(nil, num<<3|uint64(t.typ)), t.val...)
}

// skipped is the token as an unknown field, or as the start or end of one.
func (t token) skipped() []byte {
	const unknown = 1 << 28
	return t.numbered(unknown | t.num&(unknown-1))
}

// field describes the field that a token of the message is; it is nil for an
// unknown one.
func (m message) field(t token) protoreflect.FieldDescriptor {
	if t.depth != 0 || t.num > uint64(protowire.MaxValidNumber) {
		return nil
	}
	return m.md.Fields().ByNumber(protowire.Number(t.num))
}

// nextToken reads a token, and reports false for what is none.
func nextToken(b []byte) (t token, ok bool) {
	tag, n := protowire.ConsumeVarint(b)
	if n < 0 {
		return t, false
	}
	t = token{num: tag >> 3, typ: protowire.Type(tag & 7), tag: b[:n]}
	size := 0
	switch t.typ {
	case protowire.VarintType:
		size = varintSize(b[n:])
	case protowire.Fixed32Type:
		size = 4
	case protowire.Fixed64Type:
		size = 8
	case protowire.BytesType:
		_, size = protowire.ConsumeBytes(b[n:])
	}
	if size < 0 || size > len(b)-n {
		return t, false
	}
	t.raw, t.val = b[:n+size], b[n:n+size]
	return t, true
}

// varintSize is the size of a varint, which may be above 64 bits.
func varintSize(b []byte) int {
	for i := range min(len(b), 10) {
		if b[i] < 0x80 {
			return i + 1
		}
	}
	return -1
}

// tokensOf are the tokens of a message up to its first fault.
func tokensOf(b []byte) iter.Seq[token] {
	return func(yield func(token) bool) {
		depth := 0
		for len(b) > 0 {
			t, ok := nextToken(b)
			if !ok {
				return
			}
			if t.typ == protowire.EndGroupType {
				depth--
			}
			t.depth = depth
			if t.typ == protowire.StartGroupType {
				depth++
			}
			depth = max(0, depth)
			if !yield(t) {
				return
			}
			b = b[len(t.raw):]
		}
	}
}

// eachToken writes a message again with some tokens changed. What follows a
// fault stays.
func eachToken(b []byte, change func(token) []byte) []byte {
	out := edited{b: b}
	for t := range tokensOf(b) {
		out.piece(t.raw, change(t))
	}
	return out.rest()
}

// tokens is a bug that has the effect of other tokens.
func tokens(change func(message, token) []byte) func(Read) Read {
	return messages(func(m message) []byte {
		return eachToken(m.b, func(t token) []byte { return change(m, t) })
	})
}

// skipped is a bug that takes tokens for unknown fields.
func skipped(is func(message, token) bool) func(Read) Read {
	return tokens(func(m message, t token) []byte {
		if is(m, t) {
			return t.skipped()
		}
		return t.raw
	})
}

// dropped is a bug that does not see some tokens.
func dropped(is func(message, token) bool) func(Read) Read {
	return tokens(func(m message, t token) []byte {
		if is(m, t) {
			return nil
		}
		return t.raw
	})
}

// refusedTokens is a bug that makes an error of certain tokens.
func refusedTokens(bad func(message, token) bool) func(Read) Read {
	return refusedMessages(func(m message) bool { return anyToken(m, bad) })
}

func anyToken(m message, is func(message, token) bool) bool {
	for t := range tokensOf(m.b) {
		if is(m, t) {
			return true
		}
	}
	return false
}

// texts is a bug in the strings of messages.
func texts(change func(m message, fd protoreflect.FieldDescriptor, s string) string) func(Read) Read {
	return tokens(func(m message, t token) []byte {
		fd := m.field(t)
		if fd == nil || fd.Kind() != protoreflect.StringKind || t.typ != protowire.BytesType {
			return t.raw
		}
		s := string(t.body())
		changed := change(m, fd, s)
		if changed == s {
			return t.raw
		}
		return wire.Message{wire.String(fd.Number(), changed)}.Encode()
	})
}
