package payload_test

import (
	"math/rand"
	"slices"
	"testing"

	"shimfuzz/internal/contract"
	"shimfuzz/internal/payload"
	"shimfuzz/internal/reference"
	"shimfuzz/internal/stdin"
	"shimfuzz/internal/vocabulary"

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
		g, reader := payload.Of(typ), reference.TypeOf(typ)
		for _, test := range []struct {
			name     string
			generate func(payload.Rand) payload.Payload
			kinds    []contract.Kind
		}{
			{"Valid", func(r payload.Rand) payload.Payload { return g.Valid(r, payload.AllVariations) },
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
		p := payload.RunHCS.Free(rnd)
		if got := reference.Want(p.Bytes); got.Kind != p.Want.Kind && got.Kind != contract.Malformed ||
			len(got.Or) != 1 {
			t.Fatalf("%v: %v or %v", p.Description, got, got.Or)
		}
	}
}

// Every fault breaks the message of every level, in both families.
func TestFaults(t *testing.T) {
	rnd := rand.New(rand.NewSource(1))
	for _, level := range vocabulary.RunHCS.LegacyLevels() {
		for _, fault := range payload.RunHCS.Faults(level) {
			holds(t, payload.RunHCS.DamagedLegacy(rnd, 0, annotated(), level, fault))
		}
	}
	for _, level := range vocabulary.RunHCS.BootstrapLevels() {
		for _, fault := range payload.RunHCS.Faults(level) {
			holds(t, payload.RunHCS.DamagedBootstrap(rnd, 0, annotated(), level, fault))
		}
	}
}

func holds(t *testing.T, p payload.Payload) {
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
	drawn := make(map[payload.Mark]int)
	for range 10_000 {
		for _, p := range []payload.Payload{payload.RunHCS.Malformed(rnd), payload.RunHCS.Free(rnd)} {
			for _, m := range p.Marks {
				drawn[m]++
			}
		}
	}
	want := func(m payload.Mark) {
		if drawn[m] == 0 {
			t.Errorf("%v is never drawn", m)
		}
	}
	for _, level := range slices.Concat(vocabulary.RunHCS.LegacyLevels(), vocabulary.RunHCS.BootstrapLevels()) {
		for _, f := range payload.RunHCS.Faults(level) {
			want(payload.Mark{What: payload.FaultMark, Row: f.Name, Column: string(level)})
		}
		for _, f := range payload.RunHCS.Freedoms(level) {
			want(payload.Mark{What: payload.FreedomMark, Row: f.Name, Column: string(level)})
		}
	}
	for _, name := range payload.VariationNames {
		want(payload.Mark{What: payload.VariationMark, Row: name})
	}
	fields := new(options.Options).ProtoReflect().Descriptor().Fields()
	for i := range fields.Len() {
		want(payload.Mark{What: payload.FieldMark, Row: string(fields.Get(i).Name())})
	}
}
