package grammar

import (
	"strconv"
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// Options draws options: none set, all set, or any mixture, with every field
// over its whole range.
func (g *Grammar) Options(rnd Rand) proto.Message {
	m := g.message.New()
	density := rnd.Intn(4) // no field, some fields, most fields, every field
	for _, f := range g.options {
		if density == 3 || rnd.Intn(3) < density {
			g.draw(rnd, m, f)
		}
	}
	return m.Interface()
}

func (g *Grammar) draw(rnd Rand, m protoreflect.Message, f option) {
	if !f.IsMap() {
		m.Set(f.FieldDescriptor, g.scalar(rnd, f.kind))
		return
	}
	entries := m.Mutable(f.FieldDescriptor).Map()
	n := rnd.Intn(4)
	if oneIn(rnd, 16) {
		n = pick(rnd, g.counts)
	}
	for i := range n {
		key := g.text(rnd)
		if n > 4 {
			key += "#" + strconv.Itoa(i)
		}
		entries.Set(protoreflect.ValueOfString(key).MapKey(), protoreflect.ValueOfString(g.text(rnd)))
	}
}

// scalar draws a value from the whole range of a type.
func (g *Grammar) scalar(rnd Rand, kind protoreflect.Kind) protoreflect.Value {
	switch kind {
	case protoreflect.BoolKind:
		return protoreflect.ValueOfBool(rnd.Intn(2) == 1)
	case protoreflect.EnumKind:
		return protoreflect.ValueOfEnum(protoreflect.EnumNumber(number(rnd)))
	case protoreflect.Int32Kind:
		return protoreflect.ValueOfInt32(number(rnd))
	case protoreflect.Uint32Kind:
		return protoreflect.ValueOfUint32(uint32(number(rnd)))
	case protoreflect.Int64Kind:
		return protoreflect.ValueOfInt64(int64(number(rnd)) << rnd.Intn(33))
	case protoreflect.Uint64Kind:
		return protoreflect.ValueOfUint64(uint64(number(rnd)) << rnd.Intn(33))
	case protoreflect.BytesKind:
		return protoreflect.ValueOfBytes([]byte(g.text(rnd)))
	}
	return protoreflect.ValueOfString(g.text(rnd))
}

func number(rnd Rand) int32 {
	if oneIn(rnd, 4) {
		return int32(rnd.Uint64())
	}
	return pick(rnd, Int32s)
}

// text draws valid UTF-8.
func (g *Grammar) text(rnd Rand) string {
	if !oneIn(rnd, 4) {
		return pick(rnd, Texts)
	}
	if oneIn(rnd, 8) {
		return strings.Repeat("x", pick(rnd, g.sizes))
	}
	var b strings.Builder
	for range rnd.Intn(20) {
		b.WriteRune(rune(rnd.Intn(0x3000)))
	}
	return b.String()
}
