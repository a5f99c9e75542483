package verify

import (
	"bytes"
	"io"

	"shimfuzz/internal/contract"
	"shimfuzz/internal/decoder"
	"shimfuzz/internal/payload"
	"shimfuzz/internal/reference"
	"shimfuzz/internal/verdict"
)

// Repro reports what a payload is, what a correct shim answers, and what the
// decoder under test answers; and the same as CreateTaskRequest.Options where an
// answer to those is not right. It reports whether each answer is right or excused.
func Repro(w io.Writer, b []byte) (passes bool, err error) {
	text, passes := "", true
	for i, c := range (Check{Payload: payload.Payload{Bytes: b, Want: reference.Want(b)}}).Launched(UnderTest()) {
		report, v := reproduce(UnderTest(), c.question(UnderTest()))
		if i == 0 || v.Kind != verdict.Right {
			text += report.String()
		}
		passes = passes && !v.Fails()
	}
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
	got := d.Decode(bytes.NewReader(q.Payload), q.Payload, q.Launch)
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
