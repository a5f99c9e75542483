package verify

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"strings"

	"shimfuzz/internal/contract"
	"shimfuzz/internal/findings"
	"shimfuzz/internal/payload"
	"shimfuzz/internal/reference"
	"shimfuzz/internal/settings"
)

// Repro shows a payload and what each decoder answers to it. It reports whether
// the answer of the decoder under test is right, or wrong as an excused finding predicts.
func Repro(w io.Writer, b []byte) bool {
	fmt.Fprintf(w, "payload    %d bytes, read as %s:\n%s\n", len(b), FamilyName(b), Dump(b))
	want := reference.Answer(b)
	got := UnderTest.Decode(bytes.NewReader(b), b)
	fmt.Fprintf(w, "reference  %v\n%-10s %v\n", want, UnderTest.Name, got)
	if got.Kind == contract.Panic {
		fmt.Fprintf(w, "\n%s\n", got.Panic)
	}
	if want.Kind == contract.Options && payload.Unspecified(b) && !got.Kind.AlwaysWrong() {
		fmt.Fprintln(w, "\nunspecified: any answer without a panic is right")
		return true
	}
	diff := contract.Diff(want, got, nil)
	if diff == "" {
		fmt.Fprintln(w, "\nright")
		return true
	}
	fmt.Fprintf(w, "\nWRONG      %s\n", diff)
	finding, predicted := Known.Predict(b, want)
	if finding == nil || !findings.Matches(predicted, got) {
		fmt.Fprintf(w, "finding    %s\n", ofReader(b, want, got))
		return false
	}
	fmt.Fprintf(w, "breaks     %v\nfinding    %s, %s\n           %s\n", finding.Breaks, finding.Name, finding.Versions(), finding.Happens)
	if excused, _ := Excused.Predict(b, want); excused == nil {
		return false
	}
	fmt.Fprintf(w, "excused    by the findings of %s (FINDINGS=none excuses nothing)\n", Excused.Name)
	return true
}

// ofReader says which finding of the reader under test explains its answer.
func ofReader(b []byte, want, got contract.Outcome) string {
	name, version, _ := strings.Cut(os.Getenv(settings.ReaderID), "\t")
	asked := findings.Foreign
	switch want.Kind {
	case contract.Options:
		asked = findings.Ours
	case contract.None:
		asked = findings.Nothing
	}
	if f, predicted := findings.OfReader(name, version, b, asked, got); predicted {
		return fmt.Sprintf("%s, of %s %s\n           %s\nbreaks     %v", f.Name, name, version, f.Happens, f.Breaks)
	}
	return "none that is known"
}
