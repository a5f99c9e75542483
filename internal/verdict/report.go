package verdict

import (
	"encoding/hex"
	"fmt"
	"strings"

	"shimfuzz/internal/contract"
	"shimfuzz/internal/findings"
	"shimfuzz/internal/stdin"
)

// Report is what a person is told of one answer. An empty row is left out.
type Report struct {
	Verdict     Kind
	Finding     *findings.Finding
	Guarantee   contract.Guarantee
	Program     string // that answered, with its version
	Want, Got   string
	Difference  string
	Panic       string // its value and where it came from
	Advice      string // what to do
	Description string // how the payload was made
	Input       contract.Input
	Payload     []byte
	Replay      string // the commands that show it again
}

// Report reports a verdict. breaks is the guarantee that a wrong answer breaks;
// excused names the list that was applied, for the advice.
func (v Verdict) Report(q Question, got contract.Outcome, breaks contract.Guarantee, excused findings.List) Report {
	r := Report{Verdict: v.Kind, Finding: v.Finding, Guarantee: breaks, Want: oneOf(q.Want), Got: got.String(), Difference: v.Difference, Input: q.Input, Payload: q.Payload}
	if got.Kind.AlwaysWrong() {
		r.Guarantee = contract.NeverPanics
	}
	if got.Kind == contract.Panic {
		r.Panic = got.Panic
	}
	switch v.Kind {
	case KnownRight:
		r.Difference = "the right answer"
		r.Advice = fmt.Sprintf("The finding %[1]s no longer reproduces on this payload. If a checkout has fixed it, run with\n"+
			"FINDINGS=%[2]s,-%[1]s; if a release has, say which (Fixed, in internal/findings/all.go).", v.Finding.Name, excused.Name)
	case KnownDifferent:
		r.Advice = fmt.Sprintf("The finding %s predicts another wrong answer here: %v.\n"+
			"Either this is a new defect, or the prediction in internal/findings must be corrected.", v.Finding.Name, v.Predicted)
	}
	return r
}

// oneOf names an answer, and the others that are right, too.
func oneOf(want contract.Outcome) string {
	text := want.String()
	for _, or := range want.Or {
		text += "\nor " + or.String()
	}
	return text
}

// String is the report, a row for each of its fields.
func (r Report) String() string {
	var b strings.Builder
	row := func(name, value string) {
		if value != "" {
			fmt.Fprintf(&b, "%-10s %s\n", name, strings.ReplaceAll(strings.TrimRight(value, "\n"), "\n", "\n           "))
		}
	}
	b.WriteString("\n")
	row("verdict", string(r.Verdict))
	if r.Finding != nil {
		row("finding", r.Finding.Name+": "+r.Finding.Effect)
	}
	if r.Guarantee.Name != "" {
		row("guarantee", r.Guarantee.String())
	}
	row("program", r.Program)
	row("want", r.Want)
	row("got", r.Got)
	row("difference", r.Difference)
	row("panic", r.Panic)
	row("to do", r.Advice)
	row("replay", r.Replay) // above the dump, which may be long
	row("payload", strings.TrimPrefix(fmt.Sprintf("%s; %d bytes, read as %s:", r.Description, len(r.Payload), stdin.FamilyName(r.Input, r.Payload)), "; "))
	if len(r.Payload) <= maxDump {
		b.WriteString(stdin.Dump(r.Input, r.Payload))
		row("hex", shortHex(r.Payload))
	}
	return b.String()
}

// maxDump is the longest payload in bytes that is shown, and maxHex how many of
// its bytes are shown as digits.
const (
	maxDump = 1 << 16
	maxHex  = 512
)

func shortHex(b []byte) string {
	if len(b) > maxHex {
		return hex.EncodeToString(b[:maxHex]) + "… (the replay file has all of it)"
	}
	return hex.EncodeToString(b)
}
