package windows

import (
	"bytes"
	"slices"

	"github.com/Microsoft/hcsshim/cmd/containerd-shim-runhcs-v1/options"

	"shimfuzz/internal/contract"
	"shimfuzz/internal/grammar"
	"shimfuzz/internal/reference"
	"shimfuzz/internal/verdict"
	"shimfuzz/internal/verify"
	"shimfuzz/lab/compat/findings"
)

// expectation is what a shim must do with a payload.
type expectation struct {
	decoder string            // whose answer it follows from, and the answer
	want    Behavior          // unless not is set
	not     BehaviorKind      // if not "", any behavior except this kind is right
	finding *findings.Finding // that explains other behavior; nil if none is known
}

// met reports whether the shim behaved as expected. The text of an error is
// compared only if one is expected.
func (e expectation) met(got Behavior) bool {
	if e.not != "" {
		return got.Kind != e.not
	}
	if e.want.Kind == Refused && e.want.Text == "" {
		got.Text = ""
	}
	return e.want == got
}

func (e expectation) String() string {
	if e.not != "" {
		return "anything but " + string(e.not)
	}
	return e.want.String()
}

// answer is what the decoder of the shim answers to a payload.
func (s installed) answer(b []byte) contract.Outcome {
	if s.isLCOW() {
		return findings.LCOWAnswer(b)
	}
	d := verify.UnderTest()
	return d.Decode(bytes.NewReader(b), b)
}

// expect returns what the shim must do with a payload. Excused findings are
// included in it.
func (s installed) expect(b []byte) expectation {
	if s.isLCOW() {
		return expectLCOW(b)
	}
	answer := s.answer(b)
	e := expectation{decoder: "the extracted readOptions answers " + short(answer.String()), want: ServeAfter(answer)}
	if onlyLinkedHere(b) {
		e.decoder += ", but this type is not linked into the program"
		e.want = Behavior{Kind: Refused}
	}
	if name := debugTypeFinding(answer); name != "" && !s.excused().Has(name) {
		e.finding, e.not = s.finding(name), e.want.Kind
	}
	return e
}

// debugTypeFinding is the finding that affects options because of their
// DebugType, "" if there is none or serve does not get as far as the DebugType.
func debugTypeFinding(answer contract.Outcome) string {
	opts, _ := answer.Options.(*options.Options)
	if answer.Kind != contract.Options || afterLevel(opts.GetLogLevel()).Kind != Accepted {
		return ""
	}
	debugType := opts.GetDebugType()
	if debugType == options.Options_FILE {
		return "debug-type-file-panics"
	}
	if _, listed := options.Options_DebugType_name[int32(debugType)]; !listed {
		return "unknown-debug-type-accepted"
	}
	return ""
}

// expectLCOW requires of lcow-v2 what the contract wants, except where an excused
// finding predicts another answer.
func expectLCOW(b []byte) expectation {
	p := grammar.Payload{Bytes: b, Want: reference.Answer(b)}
	got := findings.LCOWAnswer(b)
	e := expectation{decoder: "the model of lcow-v2's decoder answers " + short(got.String()), want: LCOWAfter(got)}
	v := verdict.Of(p, got, findings.All.For(verify.Known(), findings.LCOW),
		findings.All.For(verify.Excused(), findings.LCOW))
	if v.Fails() {
		e.decoder += ", the right answer is " + short(p.Want.String())
		e.want, e.finding = LCOWAfter(p.Want), v.Finding
	}
	return e
}

// known and excused are the lists of findings of the shim.
func (s installed) known() findings.List   { return findings.All.For(verify.Known(), s.Findings) }
func (s installed) excused() findings.List { return findings.All.For(verify.Excused(), s.Findings) }

// finding is a known finding of the shim by its name, nil if there is none.
func (s installed) finding(name string) *findings.Finding {
	all := s.known().Findings()
	i := slices.IndexFunc(all, func(f *findings.Finding) bool { return f.Name == name })
	if i < 0 {
		return nil
	}
	return all[i]
}
