package windows

import (
	"strings"

	"github.com/Microsoft/hcsshim/cmd/containerd-shim-runhcs-v1/options"
	"github.com/containerd/typeurl/v2"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"

	"shimfuzz/internal/contract"
	"shimfuzz/internal/grammar"
	"shimfuzz/internal/reference"
)

// bareAnswer is the answer that the contract gives to the bytes of a bare Any,
// where there is no other family (docs/contract.md, C2 and C3).
func bareAnswer(b []byte) contract.Outcome {
	if len(b) == 0 { // an Any without a type
		return contract.Outcome{Kind: contract.Foreign}
	}
	return reference.CreateAnswer(b)
}

// createAnswer is bareAnswer for the options of a Create; nil are none (C1).
func createAnswer(b *[]byte) contract.Outcome {
	if b == nil {
		return grammar.Sent(nil)
	}
	return bareAnswer(*b)
}

// expectCreate returns what Create must do with options. Excused findings are
// included in it.
func (s installed) expectCreate(b *[]byte) expectation {
	want := createAnswer(b)
	e := expectation{decoder: "the contract answers " + short(want.String()), want: Behavior{Kind: Accepted}}
	if want.Kind.IsError() {
		e.want.Kind = Refused
	}
	var wrong BehaviorKind
	switch {
	case want.Kind == contract.Foreign && linkedForeign(*b):
		e.finding, wrong = s.finding(foreignPanics), Panicked
	case want.Kind == contract.Malformed && hiddenByGroup(*b):
		e.finding, wrong = s.finding(groupHides), Accepted
	}
	if e.finding != nil && s.excused().Has(e.finding.Name) {
		e.want.Kind = wrong
		e.decoder += ", and " + e.finding.Name + " is excused"
	}
	return e
}

// linkedForeign reports whether an Any has a type that is linked into the program,
// and decodes: what hcsshim asserts to be Options then is not.
func linkedForeign(b []byte) bool {
	var a anypb.Any
	if proto.Unmarshal(b, &a) != nil || onlyLinkedHere(b) {
		return false
	}
	v, err := typeurl.UnmarshalAny(&a)
	_, isOptions := v.(*options.Options)
	return err == nil && !isOptions
}

// hiddenByGroup reports whether protobuf decodes what the contract does not.
func hiddenByGroup(b []byte) bool {
	var a anypb.Any
	return proto.Unmarshal(b, &a) == nil && proto.Unmarshal(a.GetValue(), new(options.Options)) == nil
}

// metCreate reports whether Create behaved as expected.
func (e expectation) metCreate(got Behavior) bool {
	if got.Kind == Panicked && !(strings.HasPrefix(got.Text, conversion) && strings.Contains(got.Text, conversionTo)) {
		return false
	}
	return got.Kind == e.want.Kind
}

// The panic of foreign-type-panics, around the name of the type.
const conversion, conversionTo = "interface conversion: interface {} is ", ", not *options.Options"
