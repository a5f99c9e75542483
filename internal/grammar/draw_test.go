package grammar

import (
	"math/rand"
	"slices"
	"testing"

	"shimfuzz/internal/contract"
	"shimfuzz/internal/reference"
	"shimfuzz/internal/stdin"

	"github.com/Microsoft/hcsshim/cmd/containerd-shim-runhcs-v1/options"
	runc "github.com/containerd/containerd/api/types/runc/options"
	runtimeoptions "github.com/containerd/containerd/api/types/runtimeoptions/v1"
	"google.golang.org/protobuf/proto"
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
					if diff := contract.Diff(p.Want, reader.Want(contract.Stdin, p.Bytes), nil); diff != "" {
						t.Fatalf("%v: %s\n%s", p, diff, stdin.Dump(contract.Stdin, p.Bytes))
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
				holds(t, RunHCS.Damaged(rnd, 0, annotated(), family, level, fault))
			}
		}
	}
}

func holds(t *testing.T, p Payload) {
	t.Helper()
	if got := reference.Want(p.Bytes); got.Kind != contract.Malformed || len(got.Or) > 0 {
		t.Errorf("%v: %v", p, got)
	}
}

func annotated() *options.Options {
	return &options.Options{LogLevel: "warn", DefaultContainerAnnotations: map[string]string{"k": "v"}}
}

// Nothing that can be drawn is never drawn: each fault and freedom at each level, each
// variation, each field.
func TestEverythingIsDrawn(t *testing.T) {
	rnd := rand.New(rand.NewSource(1))
	drawn := make(map[Mark]int)
	for range 10_000 {
		for _, p := range []Payload{RunHCS.Malformed(rnd), RunHCS.Free(rnd)} {
			for _, m := range p.Marks {
				drawn[m]++
			}
		}
	}
	want := func(m Mark) {
		if drawn[m] == 0 {
			t.Errorf("%v is never drawn", m)
		}
	}
	for _, level := range slices.Concat(RunHCS.Levels(Legacy), RunHCS.Levels(Bootstrap)) {
		for _, f := range RunHCS.Faults(level) {
			want(Mark{What: FaultMark, Row: f.Name, Column: string(level)})
		}
		for _, f := range RunHCS.Freedoms(level) {
			want(Mark{What: FreedomMark, Row: f.Name, Column: string(level)})
		}
	}
	for _, name := range VariationNames {
		want(Mark{What: VariationMark, Row: name})
	}
	fields := new(options.Options).ProtoReflect().Descriptor().Fields()
	for i := range fields.Len() {
		want(Mark{What: FieldMark, Row: string(fields.Get(i).Name())})
	}
}
