package windows

import (
	"fmt"
	"math/rand"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/Microsoft/hcsshim/cmd/containerd-shim-runhcs-v1/options"
	"google.golang.org/protobuf/encoding/protowire"

	"shimfuzz/corpus"
	"shimfuzz/internal/contract"
	"shimfuzz/internal/grammar"
	"shimfuzz/internal/stdin"
	"shimfuzz/internal/wire"
)

// payload is a payload with the name of its subtest.
type payload struct {
	name string
	grammar.Payload
}

// each checks a command of some shims on payloads, in subtests that run side by side.
func each(t *testing.T, of []*shim, c command, all []payload) {
	total.Add(int64(len(all)))
	for _, p := range all {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			for _, s := range of {
				s.check(t, c, p)
			}
			done.Add(1)
		})
	}
}

// total and done count the payloads of all tests, which run side by side.
var total, done atomic.Int64

// showProgress prints the counts now and then.
func showProgress() {
	for range time.Tick(10 * time.Second) {
		if n, of := done.Load(), total.Load(); n < of {
			say("%d of %d payloads", n, of)
		}
	}
}

// say prints a line that make -C lab e2e shows even if the test passes.
func say(format string, args ...any) { fmt.Printf(format+"\n", args...) }

// different returns the cases of the corpus without those that have the same bytes as an
// earlier one: many recordings of containerd are identical.
func different() (list []corpus.Case) {
	seen := make(map[string]bool)
	for _, c := range cases {
		if b := string(c.Payload.Bytes); !seen[b] {
			seen[b] = true
			list = append(list, c)
		}
	}
	return list
}

// chosen returns the payloads of the cases to run: all from allChecks on, or of those of
// the enumeration of encodings, which are the decoder's business and are run in its
// process, one in a few.
func chosen(checks int) (list []payload) {
	const oneOf = 6
	enumerated := 0
	for _, c := range different() {
		if slices.ContainsFunc(c.Flags, func(f string) bool {
			return slices.Contains([]string{"Damaged", "Element", "Free", "Text"}, f)
		}) {
			if enumerated++; checks < allChecks && enumerated%oneOf != 0 {
				continue
			}
		}
		list = append(list, payload{c.Name, c.Payload})
	}
	return list
}

// allChecks is the number of CHECKS from which on nothing is left out.
const allChecks = 1000

// some returns every 13th payload: a few dozen show that a command passes its standard
// input on unchanged.
func some(all []payload) (list []payload) {
	for every := range slices.Chunk(all, 13) {
		list = append(list, every[0])
	}
	return list
}

func anyPayload(name string, m ...wire.Part) payload {
	return payload{name, grammar.Payload{Bytes: append([]byte{}, wire.Message(m).Encode()...), Description: name}}
}

// bareAnys are values of CreateTaskRequest.Options, and standard input of -info.
var bareAnys = []payload{
	{name: "no Any"}, // its bytes are nil
	anyPayload("no message", wire.Raw([]byte{0x0a})),
	anyPayload("an Any without a type"),
	anyPayload("a value without a type", wire.String(2, "x")),
	anyPayload("a type that is not linked", wire.String(1, "containerd.runc.v1.Options")),
	anyPayload("a type that does not exist", wire.String(1, "no.such.Type"), wire.String(2, "x")),
	anyPayload("a linked type", wire.String(1, "google.protobuf.Timestamp")),
	anyPayload("a linked type with a damaged value", wire.String(1, "google.protobuf.Timestamp"),
		wire.String(2, "\x08")),
	anyPayload("a type for JSON", wire.String(1, "types.containerd.io/opencontainers/runtime-spec/1/Spec"),
		wire.String(2, "{}")),
	anyPayload("Options", wire.String(1, contract.OptionsName)),
	anyPayload("Options with a prefix", wire.String(1, "type.googleapis.com/"+contract.OptionsName),
		wire.Sub(2, wire.Varint(1, 1))),
	anyPayload("Options with a damaged value", wire.String(1, contract.OptionsName), wire.String(2, "\x08")),
	anyPayload("Options whose value reads as a namespace", wire.String(1, contract.OptionsName),
		wire.String(2, "inference")),
}

// generate returns the i-th payload of a seed: one of six is a changed case of the corpus.
func generate(seed, i int) grammar.Payload {
	rnd := rand.New(rand.NewSource(int64(seed)<<32 + int64(i)))
	if i%6 == 0 {
		other := func() []byte { return cases[rnd.Intn(len(cases))].Payload.Bytes }
		return grammar.Payload{Bytes: grammar.Edit(rnd, other(), other), Description: "a case of the corpus, changed"}
	}
	properties := grammar.RunHCS.Properties()
	drawn := properties[rnd.Intn(len(properties))].Draw(rnd)
	return drawn[rnd.Intn(len(drawn))]
}

// marker is an invalid log level. A shim that repeats it in its error has read
// the options that contain it.
const marker = "shimfuzz-marker"

// marked returns the payload with a marker in what may be its options, nil if
// nothing in it may be options. If the decoder answers options, it must answer
// the marker in them, too: otherwise no output would show which options arrived.
func (s *shim) marked(t testing.TB, p payload) *payload {
	t.Helper()
	with := marks(p.Bytes)
	i := slices.IndexFunc(with, func(b []byte) bool {
		o := s.answer(b)
		return o.Kind == contract.Options && o.Options.(*options.Options).GetLogLevel() == marker
	})
	switch {
	case i < 0 && s.answer(p.Bytes).Kind == contract.Options:
		t.Errorf("%s: no marker can be put into these options", p.Description)
		return nil
	case len(with) == 0:
		return nil
	}
	p.Bytes, p.Description = with[max(i, 0)], p.Description+", marked"
	return &p
}

// marks returns copies of b with the marker in all bytes that may be read as
// options: before these bytes, or after them for options that set a log level
// themselves. If b is BootstrapParams, the copies with the marker in its extensions
// come first; then, because a shim may mistake one message for the other, those
// with the marker in the value of an Any.
func marks(b []byte) [][]byte {
	field := wire.Message{wire.String(16, marker)}.Encode() // every version of Options has this field
	before := func(value []byte) []byte { return slices.Concat(field, value) }
	after := func(value []byte) []byte { return slices.Concat(value, field) }
	all := [][]byte{inAny(b, before), inAny(b, after)}
	if stdin.IsBootstrap(b) {
		in := func(change func([]byte) []byte) []byte {
			return rewrite(b, func(value []byte) []byte { return inAny(value, change) }, 8, 1)
		}
		all = slices.Concat([][]byte{in(before), in(after)}, all)
	}
	return slices.DeleteFunc(all, func(marked []byte) bool { return slices.Equal(marked, b) })
}

// inAny changes each value of an Any, and adds a value to an Any of Options that
// has none.
func inAny(b []byte, change func([]byte) []byte) []byte {
	out := rewrite(b, change, 2)
	url, _ := stdin.AnyParts(b)
	if slices.Equal(out, b) && stdin.TypeName(url) == contract.OptionsName {
		out = append(out, wire.Message{wire.Bytes(2, change(nil))}.Encode()...)
	}
	return out
}

// rewrite changes the values of the length-delimited fields at the end of a path of field
// numbers. All other bytes stay the same: tags, the width of lengths, bytes that are no field.
func rewrite(b []byte, change func([]byte) []byte, path ...protowire.Number) (out []byte) {
	if len(path) == 0 {
		return change(b)
	}
	fields, rest := wire.Parse(b)
	for _, f := range fields {
		if f.Num != path[0] || f.Type != protowire.BytesType {
			out = append(out, f.Raw...)
			continue
		}
		_, _, tag := protowire.ConsumeTag(f.Raw)
		value := rewrite(f.Value, change, path[1:]...)
		width := len(f.Raw) - tag - len(f.Value)
		out = append(out, f.Raw[:tag]...)
		out = append(out, wire.WideVarint(uint64(len(value)), width)...)
		out = append(out, value...)
	}
	return append(out, rest...)
}
