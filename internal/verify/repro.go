package verify

import (
	"bytes"
	"io"

	"shimfuzz/internal/contract"
	"shimfuzz/internal/verdict"
)

// Repro reports what a payload is, what a correct shim answers, and what the
// decoder under test answers. It reports whether that answer is right or excused.
func Repro(w io.Writer, b []byte) (passes bool, err error) {
	q := verdict.Question{Payload: b, Want: verdict.Want(Settings().ReaderName, Settings().ReaderVersion, b)}
	got := UnderTest().Decode(bytes.NewReader(b), b)
	v := verdict.Of(q, got, Known(), Excused())
	report := v.Report(q, got, contract.GuaranteeOf(q.Want.Kind), Excused())
	report.Program = DecoderName(UnderTest())
	passes = !v.Fails()
	if !passes {
		Record("repro", report)
	}
	if v.Kind == verdict.Right {
		report.Guarantee = contract.Guarantee{}
	}
	if v.Kind == verdict.Known {
		report.Advice = "Excused by the findings of " + Excused().Name + " (FINDINGS=none excuses nothing)."
	}
	if _, err := io.WriteString(w, report.String()); err != nil {
		return passes, err
	}
	return passes, flush()
}
