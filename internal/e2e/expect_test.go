package e2e

import (
	"bytes"

	"github.com/Microsoft/hcsshim/cmd/containerd-shim-runhcs-v1/options"

	"shimfuzz/internal/contract"
	"shimfuzz/internal/findings"
	"shimfuzz/internal/reference"
	"shimfuzz/internal/verify"
)

// expectation is what a shim must do with a payload.
type expectation struct {
	decoder string // the answer that this follows from
	want    Verdict
	wrong   Kind             // if not "", any verdict but one of this kind is right
	finding *findings.Caller // that is to blame if it is not met; nil if none is known
}

// met reports whether the shim did it. The words of an error are compared where
// they are predicted.
func (e expectation) met(got Verdict) bool {
	if e.wrong != "" {
		return got.Kind != e.wrong
	}
	if e.want.Kind == Refused && e.want.Text == "" {
		got.Text = ""
	}
	return e.want == got
}

func (e expectation) String() string {
	if e.wrong != "" {
		return "anything but " + string(e.wrong)
	}
	return e.want.String()
}

// answer is what the shim's decoder, by itself, makes of a payload.
func (s installed) answer(b []byte) contract.Outcome {
	if s.isLcow() {
		return LcowAnswer(b)
	}
	return verify.UnderTest().Decode(bytes.NewReader(b), b)
}

// expect predicts the shim, excused findings included.
func (s installed) expect(b []byte) expectation {
	answer := s.answer(b)
	if s.isLcow() {
		return expectLcow(b, answer)
	}
	e := expectation{decoder: "readOptions, extracted: " + short(answer.String()), want: ServeAfter(answer)}
	if onlyLinkedHere(b) {
		e.decoder += "; but the program does not have this type"
		e.want = Verdict{Kind: Refused}
	}
	if name := debugTypeFinding(answer); name != "" && !excused(name) {
		e.finding, e.wrong = named(verify.Known().Callers(), name), e.want.Kind
	}
	return e
}

// debugTypeFinding is the finding that befalls options for their DebugType, if
// serve comes to look at that.
func debugTypeFinding(answer contract.Outcome) string {
	if answer.Kind != contract.Options || afterLevel(answer.Options.GetLogLevel()).Kind != Accepted {
		return ""
	}
	debugType := answer.Options.GetDebugType()
	if debugType == options.Options_FILE {
		return "debug-type-file-panics"
	}
	if _, listed := options.Options_DebugType_name[int32(debugType)]; !listed {
		return "unknown-debug-type-accepted"
	}
	return ""
}

// expectLcow holds lcow-v2 to the contract, unless an excused finding says that
// it answers otherwise.
func expectLcow(b []byte, answer contract.Outcome) expectation {
	e := expectation{decoder: "BootstrapParams only: " + short(answer.String()), want: LcowAfter(answer)}
	right := reference.Answer(b)
	if contract.Diff(right, answer, nil) == "" {
		return e
	}
	e.finding = findings.Explain(verify.Known().Callers(), right, b)
	if e.finding != nil && excused(e.finding.Name) {
		e.finding = nil
		return e
	}
	e.decoder += "; right: " + short(right.String())
	e.want = LcowAfter(right)
	return e
}

// excused reports whether the finding of a caller is not to fail a test.
func excused(name string) bool { return named(verify.Excused().Callers(), name) != nil }

func named(list []findings.Caller, name string) *findings.Caller {
	for i, c := range list {
		if c.Name == name {
			return &list[i]
		}
	}
	return nil
}
