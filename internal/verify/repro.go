package verify

import (
	"bytes"
	"io"

	"shimfuzz/internal/contract"
	"shimfuzz/internal/decoder"
	"shimfuzz/internal/grammar"
	"shimfuzz/internal/reference"
	"shimfuzz/internal/verdict"
)

// Repro reports what a payload is, what a correct shim answers, and what the
// decoder under test answers; and the same as CreateTaskRequest.Options where an
// answer to those is not right. It reports whether each answer is right or excused.
func Repro(w io.Writer, b []byte) (passes bool, err error) {
	text, passes := "", true
	for i, d := range append([]decoder.Decoder{UnderTest()}, Creates()...) {
		p := grammar.Payload{Bytes: b, Input: d.Input, Want: reference.RunHCS.Want(d.Input, b)}
		got := d.Decode(bytes.NewReader(b), b)
		v := verdict.Of(p, got, KnownOf(d), excusedOf(d))
		passes = passes && !v.Fails()
		if i > 0 && v.Kind == verdict.Right {
			continue
		}
		r := v.Report(p, got, contract.GuaranteeOf(p.Want.Kind), Excused())
		r.Program = DecoderName(d)
		if v.Kind == verdict.Known {
			r.Advice = "Excused by the findings of " + Excused().Name + " (FINDINGS=none excuses nothing)."
		}
		text += r.String()
	}
	_, err = io.WriteString(w, text)
	return passes, err
}
