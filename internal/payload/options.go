package payload

import (
	"fmt"
	"math"
	"strings"

	"github.com/Microsoft/hcsshim/cmd/containerd-shim-runhcs-v1/options"
	bootstrap "github.com/containerd/containerd/api/runtime/bootstrap/v1"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/anypb"

	"shimfuzz/internal/contract"
)

var (
	optionsDescriptor = (*options.Options)(nil).ProtoReflect().Descriptor()
	paramsDescriptor  = (*bootstrap.BootstrapParams)(nil).ProtoReflect().Descriptor()
	anyDescriptor     = (*anypb.Any)(nil).ProtoReflect().Descriptor()
)

// Options draws options: none set, all set, or any mixture, with every field
// over its whole range.
func Options(rnd Rand) *options.Options {
	opts := new(options.Options)
	m := opts.ProtoReflect()
	density := rnd.Intn(4) // no field, some fields, most fields, every field
	for i := range optionsDescriptor.Fields().Len() {
		if density == 3 || rnd.Intn(3) < density {
			set(rnd, m, optionsDescriptor.Fields().Get(i))
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
		n = 64
	}
	for i := range n {
		key := scalar(rnd, fd.MapKey())
		if n > 4 {
			key = protoreflect.ValueOf(fmt.Sprintf("%v#%d", key, i))
		}
		entries.Set(key.MapKey(), scalar(rnd, fd.MapValue()))
	}
}

var (
	int32s = []int32{0, 1, -1, 2, 127, 128, 1024, math.MaxInt32, math.MinInt32}
	enums  = []int32{0, 1, 2, 3, 99, -1, math.MaxInt32, math.MinInt32}
	texts  = []string{
		"", "a", "debug", `C:\ContainerPlat\LinuxBootFiles`, "windows/amd64", "é", "日本語", "🦊",
		"\x00", "{}", "\n", contract.OptionsName, strings.Repeat("x", 127), strings.Repeat("long ", 60),
	}
)

// scalar draws a value from the whole range of fd's type.
func scalar(rnd Rand, fd protoreflect.FieldDescriptor) protoreflect.Value {
	if fd.IsList() {
		panic(newKind(fd))
	}
	switch fd.Kind() {
	case protoreflect.BoolKind:
		return protoreflect.ValueOfBool(rnd.Intn(2) == 1)
	case protoreflect.EnumKind:
		return protoreflect.ValueOfEnum(protoreflect.EnumNumber(number(rnd, enums)))
	case protoreflect.Int32Kind:
		return protoreflect.ValueOfInt32(number(rnd, int32s))
	case protoreflect.StringKind:
		return protoreflect.ValueOfString(text(rnd))
	}
	panic(newKind(fd))
}

// newKind is the panic for a field of a kind that no version of Options had, which
// the generators must learn.
func newKind(fd protoreflect.FieldDescriptor) string {
	return fmt.Sprintf("payload: %v is %s %v, which no field was before", fd.FullName(), fd.Cardinality(), fd.Kind())
}

func number(rnd Rand, edges []int32) int32 {
	if oneIn(rnd, 4) {
		return int32(rnd.Uint64())
	}
	return pick(rnd, edges)
}

// text draws valid UTF-8.
func text(rnd Rand) string {
	if !oneIn(rnd, 4) {
		return pick(rnd, texts)
	}
	var b strings.Builder
	for range rnd.Intn(20) {
		b.WriteRune(rune(rnd.Intn(0x3000)))
	}
	return b.String()
}
