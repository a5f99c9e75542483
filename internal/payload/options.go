package payload

import (
	"fmt"
	"strings"

	"github.com/Microsoft/hcsshim/cmd/containerd-shim-runhcs-v1/options"
	"google.golang.org/protobuf/reflect/protoreflect"

	"shimfuzz/internal/vocabulary"
)

var optionsDescriptor = (*options.Options)(nil).ProtoReflect().Descriptor()

// drawn are the fields of Options that the generators draw and vary.
var drawn, undrawn = func() (drawn, undrawn []protoreflect.FieldDescriptor) {
	for i := range optionsDescriptor.Fields().Len() {
		fd := optionsDescriptor.Fields().Get(i)
		if isDrawn(fd) {
			drawn = append(drawn, fd)
		} else {
			undrawn = append(undrawn, fd)
		}
	}
	return drawn, undrawn
}()

// isDrawn reports whether a field is of a kind that some released Options has had.
func isDrawn(fd protoreflect.FieldDescriptor) bool {
	if fd.IsMap() {
		return isDrawn(fd.MapKey()) && isDrawn(fd.MapValue())
	}
	switch fd.Kind() {
	case protoreflect.BoolKind, protoreflect.EnumKind, protoreflect.Int32Kind, protoreflect.StringKind:
		return !fd.IsList()
	}
	return false
}

// UndrawnFields names the fields of the linked Options that no generator draws,
// because they are of a kind that no released Options has had. Payloads are legal
// without them.
func UndrawnFields() (names []string) {
	for _, fd := range undrawn {
		names = append(names, fmt.Sprintf("%s (%s %s)", fd.Name(), fd.Cardinality(), fd.Kind()))
	}
	return names
}

// Options draws options: none set, all set, or any mixture, with every field
// over its whole range.
func Options(rnd Rand) *options.Options {
	opts := new(options.Options)
	m := opts.ProtoReflect()
	density := rnd.Intn(4) // no field, some fields, most fields, every field
	for _, fd := range drawn {
		if density == 3 || rnd.Intn(3) < density {
			set(rnd, m, fd)
		}
	}
	return opts
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
