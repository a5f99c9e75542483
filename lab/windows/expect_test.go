package windows

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/Microsoft/hcsshim/cmd/containerd-shim-runhcs-v1/options"
	"github.com/containerd/typeurl/v2"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"

	"shimfuzz/internal/contract"
	"shimfuzz/internal/grammar"
	"shimfuzz/internal/reference"
	"shimfuzz/internal/stdin"
	"shimfuzz/internal/verdict"
	"shimfuzz/internal/verify"
	"shimfuzz/lab/compat/findings"
)

// expectation is what a shim must do with a payload. Excused findings are included in it.
type expectation struct {
	because string            // whose answer it follows from, and the answer
	want    Behavior          // what it must do
	finding *findings.Finding // that explains other behavior; nil if none is known
}

// known and excused are the lists of findings of the shim.
func (s *shim) known() findings.List   { return findings.All.For(verify.Known(), s.program) }
func (s *shim) excused() findings.List { return findings.All.For(verify.Excused(), s.program) }

// finding is a known finding of the shim by its name, nil if there is none.
func (s *shim) finding(name string) *findings.Finding {
	for _, f := range s.known().Findings() {
		if f.Name == name {
			return f
		}
	}
	return nil
}

// answer is what the decoder of the shim answers to a payload.
func (s *shim) answer(b []byte) contract.Outcome {
	if s == lcow {
		return findings.LCOWAnswer(b)
	}
	return verify.UnderTest().Decode(bytes.NewReader(b), b)
}

// expectServe requires of runhcs-v1 what its readOptions, as it was extracted, answers.
func (s *shim) expectServe(b []byte) expectation {
	if s == lcow {
		return s.expectLCOW(b)
	}
	answer := s.answer(b)
	e := expectation{because: "the extracted readOptions answers " + short(answer.String()), want: s.after(answer)}
	switch url, _ := stdin.AnyParts(b); {
	case onlyLinkedHere(stdin.TypeName(url)):
		e.because += ", but this type is not linked into the program"
		e.want = Behavior{Kind: Refused}
	case slices.Contains(onlyLinkedThere, url):
		e.because += ", but this type is linked into the program, which treats it as it treats foreign types"
		e.want = Behavior{Kind: Refused}
		if verify.Known().Has(foreignPanics) {
			e.want.Kind = Panicked
		}
	}
	if name := debugTypeFinding(answer); name != "" && !s.excused().Has(name) {
		e.finding, e.want = s.finding(name), Behavior{Kind: e.want.Kind, Not: true}
	}
	return e
}

// after returns what serve does after its decoder has given this answer. It ends with an
// error that the decoder returns; then with an error about an invalid log level; then
// runhcs-v1 panics if the debug type is FILE, which it does not support.
func (s *shim) after(o contract.Outcome) Behavior {
	switch {
	case o.Kind == contract.Panic:
		return Behavior{Kind: Panicked, Text: firstLine(o.Panic)}
	case o.Kind.IsError() && s == lcow: // the error is the model's
		return Behavior{Kind: Refused}
	case o.Kind.IsError() || o.Kind == contract.OptionsAndError:
		return Behavior{Kind: Refused, Text: firstLine(o.Err.Error())}
	case o.Kind == contract.None:
		return Behavior{Kind: Accepted}
	}
	opts := o.Options.(*options.Options)
	b := Behavior{Kind: Accepted}
	switch {
	case !knownLevel(opts.GetLogLevel()):
		b = invalidLevel(opts.GetLogLevel())
	case opts.GetDebugType() == options.Options_FILE && s != lcow:
		b = Behavior{Kind: Panicked, Text: "file log output mode is not supported"}
	}
	b.WarnsOfDebug = opts.GetDebug() && opts.GetLogLevel() != "" && s != lcow
	return b
}

// knownLevel reports whether the shims accept a log level: an empty one, and those of
// logrus in upper or lower case.
func knownLevel(level string) bool {
	return slices.Contains([]string{"", "panic", "fatal", "error", "warn", "warning", "info", "debug", "trace"},
		strings.ToLower(level))
}

// debugTypeFinding is the finding that affects options because of their
// DebugType, "" if there is none or serve does not get as far as the DebugType.
func debugTypeFinding(answer contract.Outcome) string {
	opts, _ := answer.Options.(*options.Options)
	_, listed := options.Options_DebugType_name[int32(opts.GetDebugType())]
	switch {
	case answer.Kind != contract.Options || !knownLevel(opts.GetLogLevel()):
		return ""
	case opts.GetDebugType() == options.Options_FILE:
		return "debug-type-file-panics"
	case !listed:
		return "unknown-debug-type-accepted"
	}
	return ""
}

// expectLCOW requires of lcow-v2's serve what the contract wants, except where an excused
// finding predicts another answer.
func (s *shim) expectLCOW(b []byte) expectation {
	p, got := grammar.Payload{Bytes: b, Want: reference.Answer(b)}, s.answer(b)
	e := expectation{because: "the model of lcow-v2's decoder answers " + short(got.String()), want: s.after(got)}
	if v := verdict.Of(p, got, s.known(), s.excused()); v.Fails() {
		e.because += ", the right answer is " + short(p.Want.String())
		e.want, e.finding = s.after(p.Want), v.Finding
	}
	return e
}

// expectStart requires that start tells what its serve must do. That it hides a refusal
// may be excused.
func (s *shim) expectStart(b []byte) expectation {
	e := s.expectServe(b)
	switch {
	case e.want.Not:
	case e.want.Kind == Accepted:
		e.want.Told = toldWhere
	case !s.excused().Has(hidesRefusal):
		e.want.Told = toldNone
		if e.finding == nil {
			e.finding = s.finding(hidesRefusal)
		}
	}
	return e
}

// expectInfo requires of lcow-v2 what expectCreate does, but that no bytes are no options.
// runhcs-v1 has no -info.
func (s *shim) expectInfo(b []byte) expectation {
	if s == runhcs {
		return expectation{because: "it has no -info",
			want: Behavior{Kind: Refused, Text: "flag provided but not defined: -info"}}
	}
	if len(b) == 0 {
		b = nil
	}
	return s.expectCreate(b)
}

// expectCreate requires of Create what the contract says of a bare Any, where there is no
// other family (docs/contract.md, C1 to C4); nil are no options.
func (s *shim) expectCreate(b []byte) expectation {
	right := reference.CreateAnswer(b)
	switch {
	case b == nil:
		right = grammar.Sent(nil)
	case len(b) == 0: // an Any without a type
		right = contract.Outcome{Kind: contract.Foreign}
	}
	e := expectation{because: "the contract answers " + short(right.String()), want: Behavior{Kind: Accepted}}
	if right.Kind.IsError() {
		e.want.Kind = Refused
	} else if s.shows {
		e.want.Read = right
	}
	v := decoded(b)
	_, isOptions := v.(*options.Options)
	var wrong Behavior
	switch {
	case right.Kind == contract.Foreign && v != nil:
		e.finding, wrong = s.finding(foreignPanics), Behavior{Kind: Panicked, Text: asserted(v)}
	case right.Kind == contract.Malformed && isOptions:
		e.finding, wrong = s.finding(groupHides), Behavior{Kind: Accepted}
	}
	if e.finding != nil && s.excused().Has(e.finding.Name) {
		e.want = wrong
		e.because += ", and " + e.finding.Name + " is excused"
	}
	return e
}

// decoded is what hcsshim makes of an Any: nil if that is an error.
func decoded(b []byte) any {
	var a anypb.Any
	if proto.Unmarshal(b, &a) != nil || onlyLinkedHere(stdin.TypeName(a.GetTypeUrl())) {
		return nil
	}
	v, err := typeurl.UnmarshalAny(&a)
	if err != nil {
		return nil
	}
	return v
}

// asserted is the panic of asserting that v is Options, which it is not.
func asserted(v any) (text string) {
	defer func() { text = fmt.Sprint(recover()) }()
	_ = v.(*options.Options)
	return ""
}

// onlyLinkedHere reports whether a type is linked into this test but not into the program.
// The suite needs a containerd/api with BootstrapParams; a release that does not read
// these links an older one, which lacks some types.
func onlyLinkedHere(name string) bool {
	return verify.Known().Has("bootstrap-rejected") && (strings.HasPrefix(name, "containerd.runtime.bootstrap.v1.") ||
		name == "containerd.types.ActivationInfo" || name == "containerd.types.ActiveMount")
}

// onlyLinkedThere are types that are linked into the program only: hcsshim's
// internal/uvm, which builds only for Windows, registers them with typeurl.
var onlyLinkedThere = []string{
	"ncproxy/ncproxynetworking/Endpoint", "ncproxy/ncproxynetworking/Network",
	"ncproxy/hcn/HostComputeEndpoint", "ncproxy/hcn/HostComputeNetwork",
}

func (s *shim) expectDelete([]byte) expectation {
	return expectation{because: "it answers exit code 255 and a time, and does not read its standard input",
		want: Behavior{Kind: Accepted}}
}
