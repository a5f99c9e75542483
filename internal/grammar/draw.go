package grammar

import (
	"slices"
	"strconv"
	"strings"
	"sync"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	"shimfuzz/internal/contract"
	"shimfuzz/internal/stdin"
)

// Rand makes the choices of what is drawn: rapid draws them in the property tests,
// the fuzz targets take them from a fuzzer's input, and a
// *rand.Rand makes them in the tests of the real programs.
type Rand interface {
	Intn(n int) int // from 0 to n-1
	Uint64() uint64
}

// Lowest makes every choice the same way, so that a payload has the same bytes
// each time it is made.
type Lowest struct{}

// Intn returns 0.
func (Lowest) Intn(int) int { return 0 }

// Uint64 returns 0.
func (Lowest) Uint64() uint64 { return 0 }

func oneIn(rnd Rand, n int) bool { return rnd.Intn(n) == n-1 }

func pick[T any](rnd Rand, from []T) T { return from[rnd.Intn(len(from))] }

func randomBytes(rnd Rand, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(rnd.Intn(256))
	}
	return b
}

// Options draws options: none set, all set, or any mixture, with every field
// over its whole range.
func (g *Grammar) Options(rnd Rand) proto.Message {
	m := g.message.New()
	density := rnd.Intn(4) // no field, some fields, most fields, every field
	for _, o := range g.options {
		switch {
		case density < 3 && rnd.Intn(3) >= density:
		case o.IsMap():
			g.drawEntries(rnd, m, o)
		default:
			m.Set(o.FieldDescriptor, g.scalar(rnd, Options, o))
		}
	}
	return m.Interface()
}

func (g *Grammar) drawEntries(rnd Rand, m protoreflect.Message, o field) {
	m.Mutable(o.FieldDescriptor)
	n := rnd.Intn(4)
	if oneIn(rnd, 16) {
		n = pick(rnd, g.counts)
	}
	for i := range n {
		key := g.text(rnd)
		if n > 4 {
			key += "#" + strconv.Itoa(i)
		}
		setEntry(m, o.FieldDescriptor, key, g.text(rnd))
	}
}

// scalar draws a value of a field of a message that stands at a level: what others are likely
// to have there, or one of the whole range of its type.
func (g *Grammar) scalar(rnd Rand, level Level, f field) protoreflect.Value {
	s, n := "", uint64(0)
	switch isText := !isVarint(f); {
	case level == Bootstrap && f.num == 1:
		s = ID(rnd)
	case level == Bootstrap && f.num == 2:
		s = Namespace(rnd)
	case level == Bootstrap && isText && !oneIn(rnd, 8):
		s = pick(rnd, addresses)
	case level == Bootstrap && !isText && !oneIn(rnd, 16):
		n = uint64(pick(rnd, logLevels))
	case (level == Any || level == Legacy) && f.num == 1:
		s = g.ForeignName(rnd)
	case isText:
		s = g.text(rnd)
	case f.kind == protoreflect.BoolKind:
		n = uint64(rnd.Intn(2))
	case oneIn(rnd, 4):
		n = rnd.Uint64() // of which a field takes as many bits as it has
	default:
		n = uint64(pick(rnd, int32s))
	}
	return valueOf(f.kind, n, s)
}

// text draws valid UTF-8.
func (g *Grammar) text(rnd Rand) string {
	switch rnd.Intn(4) {
	case 0, 1:
		return pick(rnd, texts)
	case 2:
		return pick(rnd, words)
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

// RegisteredNames lists the message types linked into this binary whose names
// are legal container IDs.
var RegisteredNames = sync.OnceValue(func() []string {
	first := []string{contract.OptionsName, "google.protobuf.Empty", "google.protobuf.Any"}
	var others []string
	for t := range protoregistry.GlobalTypes.RangeMessages {
		if name := string(t.Descriptor().FullName()); stdin.IsIdentifier(name) && !slices.Contains(first, name) {
			others = append(others, name)
		}
	}
	slices.Sort(others) // the registry is a map; only a sorted list makes a seed replay
	return append(first, others...)
})

// ID draws a legal container ID, half of the time the name of a linked type.
func ID(rnd Rand) string {
	names := RegisteredNames()
	switch rnd.Intn(4) {
	case 0:
		return pick(rnd, names)
	case 1:
		return pick(rnd, names[:3])
	}
	return pick(rnd, identifiers)
}

// Namespace draws a legal namespace, half of the time one that is a well-formed
// protobuf message.
func Namespace(rnd Rand) string {
	switch rnd.Intn(4) {
	case 0:
		return pick(rnd, identifiers)
	case 1:
		return pick(rnd, namespaces)
	}
	return protobufNamespace(rnd)
}

// protobufNamespace draws a legal namespace that is a well-formed protobuf
// message. A letter or digit is a one-byte tag of field 6 to 15; its lowest
// three bits say how many more letters the field takes.
func protobufNamespace(rnd Rand) string {
	const alphanumeric = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	letters := [8]int{0: 1, 1: 8, 5: 4} // of a varint, a fixed64, a fixed32
	letter := func() byte { return alphanumeric[rnd.Intn(len(alphanumeric))] }
	b := make([]byte, 0, 80)
	for len(b) == 0 || len(b) < 60 && !oneIn(rnd, 3) {
		tag := letter()
		if letters[tag&7] == 0 {
			continue
		}
		b = append(b, tag)
		for range letters[tag&7] {
			b = append(b, letter())
		}
	}
	return string(b)
}
