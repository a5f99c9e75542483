package windows

import (
	"slices"
	"testing"

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

// byName returns a case of the corpus.
func byName(t testing.TB, name string) payload {
	t.Helper()
	i := slices.IndexFunc(cases, func(c corpus.Case) bool { return c.Name == name })
	if i < 0 {
		t.Fatalf("the case %q is not in the corpus", name)
	}
	return payload{name, cases[i].Payload}
}

// chosen returns the payloads of the cases to run: all from allChecks on, or of those of
// the enumeration of encodings, which are the decoder's business and are run in its
// process, one in a few.
func chosen(checks int) (list []payload) {
	const oneOf = 6
	enumerated := 0
	for _, c := range different {
		if c.Or != nil || slices.ContainsFunc(c.Flags, func(f string) bool {
			return slices.Contains([]string{"Damaged", "Text", "Token"}, f)
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

// marker is an invalid log level. A shim that repeats it in its error has read
// the options that contain it.
const marker = "shimfuzz-marker"

// checkMarked does the same with a marker in what may be the payload's options, if anything
// may. If the decoder answers options, it must answer the marker in them, too: otherwise
// no output would show which options arrived.
func (s *shim) checkMarked(t testing.TB, c command, p payload) {
	t.Helper()
	with := marks(p.Bytes)
	i := slices.IndexFunc(with, func(b []byte) bool {
		o := s.answer(b)
		return o.Kind == contract.Options && o.Options.(*options.Options).GetLogLevel() == marker
	})
	switch {
	case i < 0 && s.answer(p.Bytes).Kind == contract.Options:
		t.Errorf("%s: no marker can be put into these options", p.Description)
	case len(with) > 0:
		p.Bytes, p.Description = with[max(i, 0)], p.Description+", marked"
		s.judge(t, c, p, s.do(t, c, p))
	}
}

// marks returns copies of b with the marker in all bytes that may be read as
// options: before these bytes, or after them for options that set a log level
// themselves. If b is BootstrapParams, the copies with the marker in its extensions
// come first; then, because a shim may mistake one message for the other, those
// with the marker in the value of an Any.
func marks(b []byte) (all [][]byte) {
	field := wire.Message{wire.String(16, marker)}.Encode() // every version of Options has this field
	before := func(value []byte) []byte { return slices.Concat(field, value) }
	after := func(value []byte) []byte { return slices.Concat(value, field) }
	if stdin.IsBootstrap(b) {
		all = append(all, rewrite(b, before, 8, 1, 2), rewrite(b, after, 8, 1, 2))
	}
	all = append(all, rewrite(b, before, 2), rewrite(b, after, 2))
	return slices.DeleteFunc(all, func(marked []byte) bool { return slices.Equal(marked, b) })
}

// rewrite changes the values of the length-delimited fields at the end of a path of field
// numbers, which leads to the value of an Any, and adds one to an Any of Options that has
// none. All other bytes stay the same: tags, the width of lengths, bytes that are no field.
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
		out = slices.Concat(out, f.Raw[:tag], wire.WideVarint(uint64(len(value)), width), value)
	}
	out = append(out, rest...)
	url, _ := stdin.AnyParts(b)
	if len(path) == 1 && slices.Equal(out, b) && stdin.TypeName(url) == contract.OptionsName {
		out = wire.Bytes(path[0], change(nil)).Append(out)
	}
	return out
}
