package findings

import (
	"bytes"
	"slices"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/reflect/protoreflect"

	"shimfuzz/internal/contract"
	"shimfuzz/internal/reference"
	"shimfuzz/internal/stdin"
	"shimfuzz/internal/wire"
)

// groupHidesBadFieldNumber predicts the answer to the same input with legal
// field numbers in its groups: to google.golang.org/protobuf they look alike.
func groupHidesBadFieldNumber(l List, b []byte, want contract.Outcome) (contract.Outcome, bool) {
	if want.Kind != contract.Malformed {
		return contract.Outcome{}, false
	}
	in, answer := contract.Stdin, reference.Answer
	if l.Program == Create {
		in, answer = contract.Create, reference.CreateAnswer
	}
	legal := WithLegalGroups(in, b)
	if bytes.Equal(legal, b) {
		return contract.Outcome{}, false
	}
	_, got := l.Predict(legal, answer(legal))
	if got.Kind.IsError() { // of another kind, which hcsshim does not tell
		return failed, true
	}
	return got, true
}

// WithLegalGroups returns b with the field numbers above 2^29-1 in its groups
// replaced by legal ones, at every level that a shim decodes.
func WithLegalGroups(in contract.Input, b []byte) []byte {
	out := slices.Clone(b)
	_, md := stdin.Family(in, b)
	legalize(out, md)
	return out
}

// legalize works in place: no length changes. It takes the value of every Any
// for Options, because in an Any that comes in pieces the type URL may stand in
// another one; in a value that is no Options the change makes no difference.
func legalize(b []byte, md protoreflect.MessageDescriptor) {
	fields, _ := wire.Parse(b)
	for _, f := range fields {
		switch _, inner := stdin.Field(md, f.Num, contract.OptionsName); {
		case f.Type == protowire.StartGroupType:
			legalizeGroup(f.Raw)
		case f.Type == protowire.BytesType && inner != nil:
			legalize(f.Value, inner)
		}
	}
}

func legalizeGroup(b []byte) {
	for len(b) > 0 {
		num, typ, n := protowire.ConsumeTag(b)
		if n < 0 {
			return
		}
		if num > protowire.MaxValidNumber {
			tag := protowire.EncodeTag(num%protowire.MaxValidNumber+1, typ)
			copy(b, wire.WideVarint(tag, n))
		}
		b = b[n:]
		if typ == protowire.StartGroupType || typ == protowire.EndGroupType {
			continue
		}
		if n = protowire.ConsumeFieldValue(num, typ, b); n < 0 {
			return
		}
		b = b[n:]
	}
}
