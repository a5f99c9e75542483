package payload

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"sync"

	"github.com/Microsoft/hcsshim/cmd/containerd-shim-runhcs-v1/options"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"shimfuzz/internal/vocabulary"
)

// Generator makes payloads that carry Options of one type, which is read from its
// descriptor.
type Generator struct {
	message    protoreflect.MessageType
	name       string // of the type, in full
	vocabulary *vocabulary.Vocabulary
	drawn      []option
	undrawn    []protoreflect.FieldDescriptor
	entries    protoreflect.FieldDescriptor // the map among those drawn, nil if there is none
	inserted   func() map[vocabulary.Level]inserted

	sizes, counts []int // of long texts, of many entries
	small         bool  // see Small
}

// option is a field of Options with what its descriptor takes long to say.
type option struct {
	protoreflect.FieldDescriptor
	num      protowire.Number
	kind     protoreflect.Kind
	isMap    bool
	presence bool
}

func newOption(fd protoreflect.FieldDescriptor) option {
	return option{fd, fd.Number(), fd.Kind(), fd.IsMap(), fd.HasPresence()}
}

// RunHCS makes payloads that carry hcsshim's Options.
var RunHCS = newGenerator((*options.Options)(nil).ProtoReflect().Type(), vocabulary.RunHCS)

// Of returns the generator for a type of Options.
func Of(message protoreflect.MessageType) *Generator {
	return newGenerator(message, vocabulary.Of(message))
}

func newGenerator(message protoreflect.MessageType, v *vocabulary.Vocabulary) *Generator {
	md := message.Descriptor()
	g := &Generator{message: message, name: string(md.FullName()), vocabulary: v,
		sizes: vocabulary.Sizes, counts: vocabulary.Counts[:len(vocabulary.Counts)-3]}
	for i := range md.Fields().Len() {
		switch fd := md.Fields().Get(i); {
		case vocabulary.IsEntries(fd):
			g.entries = fd
			g.drawn = append(g.drawn, newOption(fd))
		case vocabulary.IsScalar(fd):
			g.drawn = append(g.drawn, newOption(fd))
		default:
			g.undrawn = append(g.undrawn, fd)
		}
	}
	g.inserted = sync.OnceValue(func() map[vocabulary.Level]inserted { return g.allInserted(math.MaxInt) })
	return g
}

// Small returns a generator for a fuzzer, which would make large payloads again and
// again: of shorter texts, fewer entries and extensions, and no long faults and unknown fields. It makes no Marks.
func (g *Generator) Small() *Generator {
	const longest = 64 // bytes of a fault, or of an unknown field
	s := *g
	s.sizes, s.counts, s.small = vocabulary.Sizes[:2], vocabulary.Counts[:6], true
	s.inserted = sync.OnceValue(func() map[vocabulary.Level]inserted { return g.allInserted(longest) })
	return &s
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
	for _, f := range g.drawn {
		if density == 3 || rnd.Intn(3) < density {
			g.set(rnd, m, f)
		}
	}
	return m.Interface()
}

func (g *Generator) set(rnd Rand, m protoreflect.Message, f option) {
	if !f.isMap {
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
func (g *Generator) scalar(rnd Rand, kind protoreflect.Kind) protoreflect.Value {
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
	return pick(rnd, vocabulary.Int32s)
}

// text draws valid UTF-8.
func (g *Generator) text(rnd Rand) string {
	if !oneIn(rnd, 4) {
		return pick(rnd, vocabulary.Texts)
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
