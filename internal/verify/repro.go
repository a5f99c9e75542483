package verify

import (
	"bytes"
	"io"

	"shimfuzz/internal/contract"
	"shimfuzz/internal/decoder"
	"shimfuzz/internal/reference"
	"shimfuzz/internal/verdict"
)

// Repro reports what a payload is, what a correct shim answers, and what the
// decoder under test answers; and the same as CreateTaskRequest.Options where an
// answer to those is not right. It reports whether each answer is right or excused.
func Repro(w io.Writer, b []byte) (passes bool, err error) {
	report, v := reproduce(UnderTest(), verdict.Question{Payload: b, Want: reference.Want(b)})
	text, passes := report.String(), !v.Fails()
	for _, d := range Creates() {
		report, v := reproduce(d, verdict.Question{Payload: b, Input: d.Input, Want: reference.WantCreate(b)})
		if v.Kind != verdict.Right {
			text += report.String()
		}
		passes = passes && !v.Fails()
	}
	if _, err := io.WriteString(w, text); err != nil {
		return passes, err
	}
	return passes, flush()
}

func reproduce(d decoder.Decoder, q verdict.Question) (verdict.Report, verdict.Verdict) {
	got := d.Decode(bytes.NewReader(q.Payload), q.Payload)
	v := verdict.Of(q, got, KnownOf(d), excusedOf(d))
	report := v.Report(q, got, contract.GuaranteeOf(q.Want.Kind), Excused())
	report.Program = DecoderName(d)
	switch {
	case v.Fails():
		Record("repro", report)
	case v.Kind == verdict.Right:
		report.Guarantee = contract.Guarantee{}
	case v.Kind == verdict.Known:
		report.Advice = "Excused by the findings of " + Excused().Name + " (FINDINGS=none excuses nothing)."
	}
	return report, v
}
