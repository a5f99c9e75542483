package payload

import (
	"fmt"
	"strings"
	"sync"

	"github.com/Microsoft/hcsshim/cmd/containerd-shim-runhcs-v1/options"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"shimfuzz/internal/vocabulary"
)

// Generator makes payloads that carry Options of one type, which is read from its
// descriptor.
type Generator struct {
	message        protoreflect.MessageType
	name           string // of the type, in full
	vocabulary     *vocabulary.Vocabulary
	drawn, undrawn []protoreflect.FieldDescriptor
	entries        protoreflect.FieldDescriptor // the map among those drawn, nil if there is none
	damage         func() map[vocabulary.Level]damage
}

// RunHCS makes payloads that carry hcsshim's Options.
var RunHCS = newGenerator((*options.Options)(nil).ProtoReflect().Type(), vocabulary.RunHCS)

// Of returns the generator for a type of Options.
func Of(message protoreflect.MessageType) *Generator {
	return newGenerator(message, vocabulary.Of(message))
}

func newGenerator(message protoreflect.MessageType, v *vocabulary.Vocabulary) *Generator {
	md := message.Descriptor()
	g := &Generator{message: message, name: string(md.FullName()), vocabulary: v}
	for i := range md.Fields().Len() {
		switch fd := md.Fields().Get(i); {
		case vocabulary.IsEntries(fd):
			g.entries = fd
			g.drawn = append(g.drawn, fd)
		case vocabulary.IsScalar(fd):
			g.drawn = append(g.drawn, fd)
		default:
			g.undrawn = append(g.undrawn, fd)
		}
	}
	g.damage = sync.OnceValue(g.allDamage)
	return g
}

// UndrawnFields names the fields of Options that are not drawn, because they are of a
// kind that no released Options of hcsshim or containerd have had. Payloads are legal
// without them.
func (g *Generator) UndrawnFields() (names []string) {
	for _, fd := range g.undrawn {
		names = append(names, fmt.Sprintf("%s (%s %s)", fd.Name(), fd.Cardinality(), fd.Kind()))
	}
	return names
}

// Options draws options: none set, all set, or any mixture, with every field
// over its whole range.
func (g *Generator) Options(rnd Rand) proto.Message {
	m := g.message.New()
	density := rnd.Intn(4) // no field, some fields, most fields, every field
	for _, fd := range g.drawn {
		if density == 3 || rnd.Intn(3) < density {
			set(rnd, m, fd)
		}
	}
	return m.Interface()
}

func set(rnd Rand, m protoreflect.Message, fd protoreflect.FieldDescriptor) {
	if !fd.IsMap() {
		m.Set(fd, scalar(rnd, fd))
		return
	}
	entries := m.Mutable(fd).Map()
	n := rnd.Intn(4)
	if oneIn(rnd, 16) {
		n = pick(rnd, vocabulary.Counts[:len(vocabulary.Counts)-3])
	}
	for i := range n {
		key := scalar(rnd, fd.MapKey())
		if n > 4 {
			key = protoreflect.ValueOf(fmt.Sprintf("%v#%d", key, i))
		}
		entries.Set(key.MapKey(), scalar(rnd, fd.MapValue()))
	}
}

// scalar draws a value from the whole range of fd's type.
func scalar(rnd Rand, fd protoreflect.FieldDescriptor) protoreflect.Value {
	switch fd.Kind() {
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
		return protoreflect.ValueOfBytes([]byte(text(rnd)))
	}
	return protoreflect.ValueOfString(text(rnd))
}

func number(rnd Rand) int32 {
	if oneIn(rnd, 4) {
		return int32(rnd.Uint64())
	}
	return pick(rnd, vocabulary.Int32s)
}

// text draws valid UTF-8.
func text(rnd Rand) string {
	if !oneIn(rnd, 4) {
		return pick(rnd, vocabulary.Texts)
	}
	if oneIn(rnd, 8) {
		return strings.Repeat("x", pick(rnd, vocabulary.Sizes))
	}
	var b strings.Builder
	for range rnd.Intn(20) {
		b.WriteRune(rune(rnd.Intn(0x3000)))
	}
	return b.String()
}
