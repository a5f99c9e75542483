package grammar

import (
	"bytes"
	"math/rand"
	"slices"
	"strings"
	"testing"

	"shimfuzz/internal/contract"
	"shimfuzz/internal/reference"
	"shimfuzz/internal/wire"

	"github.com/Microsoft/hcsshim/cmd/containerd-shim-runhcs-v1/options"
	bootstrap "github.com/containerd/containerd/api/runtime/bootstrap/v1"
	runc "github.com/containerd/containerd/api/types/runc/options"
	runtimeoptions "github.com/containerd/containerd/api/types/runtimeoptions/v1"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/anypb"
)

// What a generator says of its payload is what the reference answers: the two
// know it in different ways. The Options are hcsshim's and those of other shims.
func TestGenerators(t *testing.T) {
	for _, m := range []proto.Message{new(options.Options), new(runc.Options), new(runtimeoptions.Options)} {
		typ := m.ProtoReflect().Type()
		g, reader := Of(typ), reference.TypeOf(typ)
		for _, test := range []struct {
			name     string
			generate func(Rand) Payload
			kinds    []contract.Kind
		}{
			{"Valid", func(r Rand) Payload { return g.Valid(r, AllVariations) },
				[]contract.Kind{contract.Options, contract.None}},
			{"Minimal", g.Minimal, []contract.Kind{contract.None}},
			{"Foreign", g.Foreign, []contract.Kind{contract.Foreign, contract.None}},
			{"Malformed", g.Malformed, []contract.Kind{contract.Malformed}},
			{"Framed", g.Framed, []contract.Kind{contract.Malformed}},
		} {
			t.Run(string(typ.Descriptor().FullName())+"/"+test.name, func(t *testing.T) {
				rnd := rand.New(rand.NewSource(1))
				drawn := make(map[contract.Kind]int)
				for range 2000 {
					p := test.generate(rnd)
					drawn[p.Want.Kind]++
					if diff := contract.Diff(p.Want, reader.Want(contract.Stdin, p.Bytes)); diff != "" {
						t.Fatalf("%v: %s\n%x", p, diff, p.Bytes)
					}
				}
				for _, kind := range test.kinds {
					if drawn[kind] == 0 {
						t.Errorf("%s is never drawn: %v", kind, drawn)
					}
				}
				if len(drawn) != len(test.kinds) {
					t.Errorf("drawn %v, want only %v", drawn, test.kinds)
				}
			})
		}
	}
}

// What the contract leaves open, it leaves open at every level.
func TestFreedoms(t *testing.T) {
	rnd := rand.New(rand.NewSource(1))
	for range 2000 {
		p := RunHCS.Free(rnd)
		if got := reference.Want(p.Bytes); got.Kind != p.Want.Kind && got.Kind != contract.Malformed ||
			len(got.Or) != 1 {
			t.Fatalf("%v: %v or %v", p.Description, got, got.Or)
		}
	}
}

// Every fault breaks the message of every level, in both families.
func TestFaults(t *testing.T) {
	rnd := rand.New(rand.NewSource(1))
	for _, family := range []Level{Legacy, Bootstrap} {
		for _, level := range RunHCS.Levels(family) {
			for _, fault := range RunHCS.Faults(level) {
				p := RunHCS.Damaged(rnd, 0, annotated(), family, level, fault)
				if got := reference.Want(p.Bytes); got.Kind != contract.Malformed || len(got.Or) > 0 {
					t.Errorf("%v: %v", p, got)
				}
			}
		}
	}
}

func annotated() *options.Options {
	return &options.Options{LogLevel: "warn", DefaultContainerAnnotations: map[string]string{"k": "v"}}
}

// Nothing that can be drawn is never drawn: each fault and freedom at each level, each
// variation, each field. A field of a new kind is never drawn: teach this package to.
func TestEverythingIsDrawn(t *testing.T) {
	rnd := rand.New(rand.NewSource(1))
	drawn := make(map[string]bool)
	for range 10_000 {
		for _, p := range []Payload{RunHCS.Malformed(rnd), RunHCS.Free(rnd)} {
			_, fault, _ := strings.Cut(p.Description, ", ")
			drawn[fault] = true
		}
		for fd := range RunHCS.Options(rnd).ProtoReflect().Range {
			drawn[string(fd.Name())] = true
		}
	}
	var want []string
	for _, level := range slices.Concat(RunHCS.Levels(Legacy), RunHCS.Levels(Bootstrap)) {
		for _, f := range slices.Concat(RunHCS.Faults(level), RunHCS.Freedoms(level)) {
			want = append(want, f.Name+" in "+string(level))
		}
	}
	fields := new(options.Options).ProtoReflect().Descriptor().Fields()
	for i := range fields.Len() {
		want = append(want, string(fields.Get(i).Name()))
	}
	for _, what := range want {
		if !drawn[what] {
			t.Errorf("%s is never drawn", what)
		}
	}
}

// Each variation changes what it applies to, at every level: what is not named here has
// nothing to put in order, to leave out, or to repeat.
func TestVariationsAreDrawn(t *testing.T) {
	any := &anypb.Any{TypeUrl: contract.OptionsName, Value: []byte{8, 1}}
	entries := field{FieldDescriptor: RunHCS.entries, num: RunHCS.entries.Number()}
	message := func(l Level, m proto.Message) func(*encoder) []byte {
		return func(e *encoder) []byte { return e.message(l, m) }
	}
	times := func(l Level, m proto.Message, num protowire.Number) func(*encoder) []byte {
		return func(e *encoder) []byte {
			fields, _ := wire.Parse(e.message(l, m))
			fields = slices.DeleteFunc(fields, func(f wire.Field) bool { return num != 0 && f.Num != num })
			return []byte{byte(len(fields))}
		}
	}
	for _, test := range []struct {
		what       string
		encode     func(*encoder) []byte
		variations Variations
	}{
		{"an Any", message(Legacy, any), Order | Varint | Repeat | Unknown},
		{"an empty Any", message(Any, new(anypb.Any)), Default | Unknown},
		{"BootstrapParams", message(Bootstrap, &bootstrap.BootstrapParams{InstanceID: "a", ContainerdVersion: "v"}),
			Order | Varint | Repeat | Default | Unknown},
		{"BootstrapParams with Options", func(e *encoder) []byte { return e.params([]byte{}) },
			Ambient | Neighbours | URL},
		{"an Extension", message(Extension, extensionOf("a.B", nil)), Varint | Repeat | Unknown},
		{"the fields of an Extension", times(Extension, extensionOf("a.B", nil), 0), Repeat | Unknown},
		{"an Any in an Extension", message(Any, any), Order | Varint | Repeat | Unknown},
		{"Options", message(Options, annotated()), Order | Varint | Repeat | Default | Unknown},
		{"an annotation", func(e *encoder) []byte {
			return wire.Message{e.entry(entries, "", protoreflect.ValueOfString("v"))}.Encode()
		}, Order | Varint | Repeat | Default | Unknown},
		{"the pieces of an Any", times(Extension, extensionOf("a.B", nil), 1), Repeat},
		{"the entries of a key", times(Options, annotated(), entries.num), Repeat},
		{"an Any of Options", func(e *encoder) []byte { return e.options(Legacy, annotated()) },
			AllVariations &^ (Ambient | Neighbours)},
	} {
		plain := test.encode(RunHCS.encoder(Lowest{}, 0))
		for row, name := range VariationNames {
			drawn, rnd := 0, rand.New(rand.NewSource(1))
			for range 200 {
				if !bytes.Equal(test.encode(RunHCS.encoder(rnd, row)), plain) {
					drawn++
				}
			}
			if test.variations&row != 0 && drawn == 0 {
				t.Errorf("%s: %s is never drawn", test.what, name)
			}
		}
	}
}
