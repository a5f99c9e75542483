package reference

import (
	"slices"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protowire"

	"shimfuzz/internal/contract"
)

// Want returns the answer that the contract wants to a payload: the reference's,
// with the others that it allows (docs/contract.md, Freedoms).
func Want(b []byte) contract.Outcome { return RunHCS.Want(contract.Stdin, b) }

// Want is the function Want for an input of a shim that reads options of the type. The bytes of
// CreateTaskRequest.Options are an Any whatever fields they have.
func (t Type) Want(in contract.Input, b []byte) contract.Outcome {
	want := t.answer(in, b)
	given := []contract.Outcome{want}
	allow := func(others ...contract.Outcome) {
		for _, other := range others {
			if !slices.ContainsFunc(given, func(o contract.Outcome) bool { return contract.Right(o, other) }) {
				given = append(given, other)
			}
		}
	}
	malformed := contract.Outcome{Kind: contract.Malformed}
	plain := t.withoutFreedoms(b, in)
	if !plain.wellFormed {
		return want
	}
	if plain.free || len(b) > contract.MaxPayload {
		allow(t.answer(in, plain.bytes), malformed)
	}
	if !plain.isParams {
		if last, overwrites := t.withoutOverwritten(plain.bytes); overwrites {
			allow(malformed, contract.Outcome{Kind: contract.Foreign}, t.answer(in, last))
		}
	}
	want.Or = given[1:]
	return want
}

// withoutOverwritten returns an Any without the occurrences of the
// fields 1 and 2 that a later one overwrites, and whether one of those is not
// UTF-8 where the contract leaves open who looks at it: in field 1, or in field 2
// if the last type URL does not name the type.
func (t Type) withoutOverwritten(b []byte) (plain []byte, overwrites bool) {
	var last [3][]byte  // values of the fields 1 and 2
	var invalid [3]bool // one that is overwritten
	var rest []byte
	for at := 0; at < len(b); {
		f := t.lenient().field(b[at:], 0)
		if f.num <= 2 && f.typ == protowire.BytesType {
			invalid[f.num] = invalid[f.num] || !utf8.Valid(last[f.num])
			last[f.num] = f.value
		} else {
			rest = append(rest, b[at:at+f.size]...)
		}
		at += f.size
	}
	for num := protowire.Number(1); num <= 2; num++ {
		if last[num] != nil {
			plain = protowire.AppendBytes(protowire.AppendTag(plain, num, protowire.BytesType), last[num])
		}
	}
	return append(plain, rest...), invalid[1] || invalid[2] && !t.isNamed(string(last[1]))
}
