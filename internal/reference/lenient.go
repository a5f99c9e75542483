package reference

import (
	"math"
	"slices"

	bootstrap "github.com/containerd/containerd/api/runtime/bootstrap/v1"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/anypb"

	"shimfuzz/internal/contract"
	"shimfuzz/internal/wire"
)

// Where the freedoms wide-tag and depth begin, and where depth ends.
const (
	maxNarrow = 5      // bytes of a tag or a length
	mustRead  = 99     // levels
	mayRead   = 10_003 // levels
)

var (
	paramsType = (*bootstrap.BootstrapParams)(nil).ProtoReflect().Descriptor()
	anyType    = (*anypb.Any)(nil).ProtoReflect().Descriptor()
)

// plainPayload is what a payload is to the most lenient reader: its varints cut to 64
// bits, and an unknown field in the place of every deep group.
type plainPayload struct {
	bytes      []byte
	free       bool // it had such, or tags or lengths of more than five bytes: a strict reader may refuse it
	wellFormed bool // at its top level; otherwise it has no freedoms
	isParams   bool // it is BootstrapParams
}

func (t Type) withoutFreedoms(b []byte, in contract.Input) plainPayload {
	l := t.lenient()
	plain := slices.Clone(b)
	params, err := t.isBootstrapParams(slices.Clone(b))
	p := plainPayload{bytes: plain, wellFormed: err == nil, isParams: params && in == contract.Stdin}
	md := anyType
	if p.isParams {
		md = paramsType
	}
	if !p.wellFormed || !l.message(plain, md, 0) {
		return p
	}
	p.free = l.free
	for _, a := range l.anys {
		if t.isNamed(a.url) {
			p.free = l.message(a.value, t.message.Descriptor(), 0) && l.free
			break
		}
	}
	return p
}

// lenient reads messages as the most lenient reader does, and makes them plain where they are.
type lenient struct {
	badNumbers bool // accept field numbers above 2^29-1 in groups
	free       bool
	anys       []anyParts // that may hold the options
}

func (t Type) lenient() *lenient { return &lenient{badNumbers: t.badNumbers, anys: []anyParts{{}}} }

// isMessage reports whether b is a message to the most lenient reader.
func (t Type) isMessage(b []byte, md protoreflect.MessageDescriptor) bool {
	return t.lenient().message(slices.Clone(b), md, 0)
}

// anyParts are what the last occurrences of the fields of an Any say.
type anyParts struct {
	url   string
	value []byte
}

// message reads a message that is at a level of nesting, and the messages in it that md
// describes. It returns false for a malformed one.
func (l *lenient) message(b []byte, md protoreflect.MessageDescriptor, level int) bool {
	for len(b) > 0 {
		f := l.field(b, level)
		if f.size == 0 || f.typ == protowire.BytesType && !l.inside(md, f.num, f.value, level) {
			return false
		}
		b = b[f.size:]
	}
	return true
}

// wireField is a field as it is encoded.
type wireField struct {
	num   protowire.Number
	typ   protowire.Type
	size  int    // 0 if it is malformed
	value []byte // of a length-delimited one
}

// field reads the first field of a message at a level.
func (l *lenient) field(b []byte, level int) wireField {
	num, typ, n := l.tag(b)
	if n == 0 || num > protowire.MaxValidNumber {
		return wireField{}
	}
	deepest, size, value := 0, 0, []byte(nil)
	if typ == protowire.StartGroupType {
		size, deepest = l.group(b[n:], num, level+1)
	} else {
		size, value = l.value(b[n:], typ)
	}
	if size == 0 {
		return wireField{}
	}
	if size += n; deepest > mustRead {
		l.free = true
		replace(b[:size])
	}
	return wireField{num, typ, size, value}
}

// inside reads what a length-delimited field of a message holds.
func (l *lenient) inside(md protoreflect.MessageDescriptor, num protowire.Number, value []byte, level int) bool {
	fd := md.Fields().ByNumber(num)
	if fd == nil {
		return true
	}
	if md == paramsType && fd.Message() != nil {
		l.anys = append(l.anys, anyParts{})
	}
	last := &l.anys[len(l.anys)-1]
	switch {
	case fd.Message() != nil:
		return l.message(value, fd.Message(), level+1)
	case md.FullName() == anyType.FullName() && num == 1:
		last.url = string(value)
	case md.FullName() == anyType.FullName() && num == 2:
		last.value = value
	}
	return true
}

// tag reads a tag. n is 0 if there is none.
func (l *lenient) tag(b []byte) (num protowire.Number, typ protowire.Type, n int) {
	v, n := varint(b)
	if n == 0 || v>>3 == 0 || v>>3 > math.MaxInt32 || n == 10 && b[9] > 1 {
		return 0, 0, 0
	}
	l.free = l.free || n > maxNarrow
	return protowire.Number(v >> 3), protowire.Type(v & 7), n
}

// value reads the value of a field that is no group. size is 0 if there is none.
func (l *lenient) value(b []byte, typ protowire.Type) (size int, value []byte) {
	switch typ {
	case protowire.VarintType:
		if _, size = varint(b); size == 10 && b[9] > 1 {
			l.free = true
			b[9] &= 1
		}
	case protowire.BytesType:
		value, size = protowire.ConsumeBytes(b)
		l.free = l.free || size-len(value) > maxNarrow
	case protowire.Fixed32Type, protowire.Fixed64Type:
		size = protowire.ConsumeFieldValue(1, typ, b)
	}
	return max(0, size), value
}

// group reads a group at a level from behind its start on, and returns how long it is from
// there, 0 if it is malformed, and the level of the deepest group in it.
func (l *lenient) group(b []byte, number protowire.Number, level int) (size, deepest int) {
	deepest = level
	for level <= mayRead {
		num, typ, n := l.tag(b[size:])
		if n == 0 || num > protowire.MaxValidNumber && !l.badNumbers {
			break
		}
		size += n
		switch typ {
		case protowire.EndGroupType:
			if num != number {
				return 0, 0
			}
			return size, deepest
		case protowire.StartGroupType:
			var inner int
			n, inner = l.group(b[size:], num, level+1)
			deepest = max(deepest, inner)
		default:
			n, _ = l.value(b[size:], typ)
		}
		if n == 0 {
			break
		}
		size += n
	}
	return 0, 0
}

// varint reads a varint of up to ten bytes, cut to 64 bits. n is 0 if there is none.
func varint(b []byte) (v uint64, n int) {
	for i, c := range b[:min(10, len(b))] {
		v |= uint64(c&0x7f) << (7 * i)
		if c < 0x80 {
			return v, i + 1
		}
	}
	return 0, 0
}

// replace puts one unknown field in the place of b, which has more than seven bytes.
func replace(b []byte) {
	const unknown = 1000
	size := len(b) - protowire.SizeTag(unknown) - maxNarrow
	copy(b, wire.Bytes(unknown, make([]byte, size)).Wide(maxNarrow).Append(nil))
}
