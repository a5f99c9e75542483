package verify

import (
	"bytes"
	"fmt"
	"io"

	"shimfuzz/internal/contract"
	"shimfuzz/internal/findings"
	"shimfuzz/internal/payload"
	"shimfuzz/internal/reference"
)

// Repro shows a payload and what each decoder answers to it. It reports whether
// hcsshim's answer is right, or wrong as an excused finding predicts.
func Repro(w io.Writer, b []byte) bool {
	fmt.Fprintf(w, "payload    %d bytes, read as %s:\n%s\n", len(b), FamilyName(b), Dump(b))
	want := reference.Answer(b)
	got := HCSShim.Decode(bytes.NewReader(b), b)
	fmt.Fprintf(w, "reference  %v\n%-10s %v\n", want, "hcsshim", got)
	if got.Kind == contract.Panic {
		fmt.Fprintf(w, "\n%s\n", got.Panic)
	}
	diff := contract.Differ(want, got, nil)
	switch finding, predicted := Known.Predict(b, want); {
	case want.Kind == contract.Options && payload.Unspecified(b):
		fmt.Fprintln(w, "\nunspecified: any answer without a panic is right")
		return got.Kind != contract.Panic && got.Kind != contract.Both
	case diff == "":
		fmt.Fprintln(w, "\nright")
		return true
	case finding != nil && findings.Matches(predicted, got):
		fmt.Fprintf(w, "\nWRONG      %s\nbreaks     %v\nfinding    %s, %s\n           %s\n", diff, finding.Breaks, finding.Name, finding.Versions(), finding.Happens)
		excused, _ := Excused.Predict(b, want)
		return excused != nil
	default:
		fmt.Fprintf(w, "\nWRONG      %s\nno known finding\n", diff)
		return false
	}
}
