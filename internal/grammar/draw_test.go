package grammar

import (
	"bytes"
	"maps"
	"math/rand"
	"slices"
	"strings"
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
					if diff := contract.Diff(p.Want, reader.Want(contract.Stdin, p.Bytes)); diff != "" {
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
		for row, name := range VariationNames {
			without := RunHCS.Encode(Lowest{}, 0, Bootstrap, annotated())
			with := RunHCS.Encode(rnd, row, Bootstrap, annotated())
			drawn[name] = drawn[name] || !bytes.Equal(with.Bytes, without.Bytes)
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
	for _, what := range slices.AppendSeq(want, maps.Values(VariationNames)) {
		if !drawn[what] {
			t.Errorf("%s is never drawn", what)
		}
	}
}
