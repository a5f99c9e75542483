package grammar

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"math/rand"
	"slices"
	"strings"
	"testing"

	"shimfuzz/internal/contract"
	"shimfuzz/internal/reference"
	"shimfuzz/internal/stdin"
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

// What is known of a payload from how it was drawn, and of a token from what it says, is what the
// reference answers, which decodes the bytes. The Options are hcsshim's and those of other shims.
func TestAnswers(t *testing.T) {
	for _, m := range []proto.Message{new(options.Options), new(runc.Options), new(runtimeoptions.Options)} {
		typ := m.ProtoReflect().Type()
		g, reader := Of(typ), reference.TypeOf(typ)
		for _, p := range g.Properties() {
			t.Run(string(typ.Descriptor().FullName())+"/"+p.Name, func(t *testing.T) { holdsDrawn(t, p, reader) })
		}
		for _, c := range g.Contexts() {
			t.Run(string(typ.Descriptor().FullName())+"/"+c.Name, func(t *testing.T) { holdsTokens(t, g, c, reader) })
		}
	}
}

// holdsDrawn draws payloads of a property. They have exactly the kinds of answers that belong to its
// name; most properties have options alone.
func holdsDrawn(t *testing.T, p Property, reader reference.Type) {
	kinds := map[string]string{"none": "none", "valid": "none options", "minimal": "none",
		"malformed": "error/malformed", "foreign": "error/foreign none", "framed": "error/malformed"}
	rnd := rand.New(rand.NewSource(1))
	drawn := make(map[string]bool)
	for range 200 {
		for _, p := range p.Draw(rnd) {
			drawn[string(p.Want.Kind)] = true
			holdsPayload(t, p, reader)
		}
	}
	got := strings.Join(slices.Sorted(maps.Keys(drawn)), " ")
	if want := cmp.Or(kinds[p.Name], "options"); got != want {
		t.Errorf("drawn are %s, want %s", got, want)
	}
}

// holdsPayload compares what is known of a payload with what the reference answers.
func holdsPayload(t *testing.T, p Payload, reader reference.Type) {
	t.Helper()
	if got := reader.Want(contract.Stdin, p.Bytes); !contract.SameSet(p.Want, got) {
		t.Fatalf("%s is to give %v or %v, and by the reference %v or %v\n%x", p.Description, p.Want, p.Want.Or,
			got, got.Or, p.Bytes)
	}
}

// holdsTokens puts each token into its context by itself. Only in a group may the tokens leave the answer open.
func holdsTokens(t *testing.T, g *Grammar, c Context, reader reference.Type) {
	if c.IsAny() == stdin.IsBootstrap(Encode(c.Payload(nil))) {
		t.Errorf("is an Any: %v", c.IsAny())
	}
	for _, e := range g.Tokens(c.Level) {
		top := c.Payload([]Token{e})
		for _, in := range contract.Inputs {
			want, known := g.Answer(in, top)
			got := reader.Want(in, Encode(top))
			if known && !contract.SameSet(want, got) || !known && c.Level != Group {
				t.Errorf("input %d, %s: by its tokens %v or %v, known is %v, and by the reference %v or %v", in,
					e.Name, want, want.Or, known, got, got.Or)
			}
		}
	}
}

func annotated() *options.Options {
	return &options.Options{LogLevel: "warn", DefaultContainerAnnotations: map[string]string{"k": "v"}}
}

// Nothing that can be drawn is never drawn: each field, and each fault and freedom at each level of
// both families, which are what the reference says, too. A field of a new kind is never drawn: teach
// this package to.
func TestEverythingIsDrawn(t *testing.T) {
	rnd := rand.New(rand.NewSource(1))
	drawn := make(map[string]bool)
	for range 10_000 {
		for _, p := range []Payload{RunHCS.Malformed(rnd), RunHCS.Free(rnd)} {
			if !drawn[p.Description] { // to ask for each payload takes ten times as long
				holdsPayload(t, p, reference.RunHCS)
			}
			drawn[p.Description] = true
		}
		for fd := range RunHCS.Options(rnd).ProtoReflect().Range {
			drawn[string(fd.Name())] = true
		}
	}
	var want []string
	for _, family := range families {
		for _, level := range RunHCS.Levels(family) {
			for _, f := range slices.Concat(RunHCS.levels()[level].faults, RunHCS.levels()[level].freedoms) {
				want = append(want, fmt.Sprintf("%s, %s in %s", familyNames[family], f.Name, level))
			}
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
