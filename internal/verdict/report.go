package verdict

import (
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"shimfuzz/internal/contract"
	"shimfuzz/internal/findings"
	"shimfuzz/internal/stdin"
)

// Report is what a person is told of one answer. An empty row is left out.
type Report struct {
	Verdict     Kind
	Group       Group // of a wrong answer
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

// Group is what failures of one defect have in common, whatever the payload, and
// whichever test has found them.
type Group struct {
	Guarantee contract.Guarantee
	Kind      string // of failure: the finding, or which answer was given in place of which
}

// String names the group in one line.
func (g Group) String() string { return g.Guarantee.Name + ": " + g.Kind }

// group depends on no test's guarantee: several tests find the same defect.
func (v Verdict) group(q Question, got contract.Outcome) Group {
	where := stdin.FamilyName(q.Input, q.Payload)
	if q.Input == contract.Create { // which is decoded by code of its own
		where = "Create"
	}
	g := Group{contract.GuaranteeOf(q.Want.Kind), fmt.Sprintf("%s for %s in %s", got.Kind, q.Want.Kind, where)}
	switch {
	case v.Kind == Wrong && v.Finding != nil && q.Input == contract.Create:
		return Group{v.Finding.Breaks, v.Finding.Name + " in " + where}
	case v.Kind == Wrong && v.Finding != nil:
		return Group{v.Finding.Breaks, v.Finding.Name}
	case got.Kind == contract.Panic:
		return Group{contract.NeverPanics, panicKind(got.Panic)}
	case got.Kind.AlwaysWrong():
		g.Guarantee = contract.NeverPanics
	}
	return g
}

// ofRuntime are panics of Go's runtime, the rest of whose text depends on the payload.
var ofRuntime = []string{"interface conversion", "nil pointer dereference", "out of range", "divide by zero"}

// panicKind names a panic, given its value and its stack, by the function that panicked.
func panicKind(text string) string {
	value, stack, _ := strings.Cut(text, "\n")
	function, _, _ := strings.Cut(stack, "\n")
	function = function[:max(0, strings.LastIndexByte(function, '('))]
	kind := "panic"
	if i := slices.IndexFunc(ofRuntime, func(s string) bool { return strings.Contains(value, s) }); i >= 0 {
		kind = ofRuntime[i]
	}
	return kind + " in " + function[strings.LastIndexByte(function, '/')+1:]
}

// Report reports a verdict. breaks is the guarantee that a wrong answer breaks;
// excused names the list that was applied, for the advice.
func (v Verdict) Report(q Question, got contract.Outcome, breaks contract.Guarantee, excused findings.List) Report {
	r := Report{Verdict: v.Kind, Group: v.group(q, got), Finding: v.Finding, Guarantee: breaks, Want: oneOf(q.Want),
		Got: got.String(), Difference: contract.Diff(q.Want, got), Input: q.Input, Payload: q.Payload}
	if got.Kind.AlwaysWrong() {
		r.Guarantee = contract.NeverPanics
	}
	if got.Kind == contract.Panic {
		r.Panic = got.Panic
	}
	switch v.Kind {
	case KnownRight:
		r.Difference = "the right answer"
		r.Advice = fmt.Sprintf("The finding %[1]s no longer reproduces on this payload. If a checkout has fixed it, "+
			"run with\n"+
			"FINDINGS=%[2]s,-%[1]s; if a release has, say which (Fixed, in internal/findings/all.go).", v.Finding.Name,
			excused.Name)
	case KnownDifferent:
		r.Advice = fmt.Sprintf("The finding %s predicts another wrong answer here: %v.\n"+
			"Either this is a new defect, or that prediction must be corrected.", v.Finding.Name,
			v.Predicted)
	}
	return r
}

// oneOf names an answer, and the others that are right, too.
func oneOf(want contract.Outcome) string {
	var all []string
	for _, o := range want.All() {
		all = append(all, o.String())
	}
	return strings.Join(all, "\nor ")
}

// String is the report, a row for each of its fields.
func (r Report) String() string {
	var b strings.Builder
	row := func(name, value string) {
		if value != "" {
			fmt.Fprintf(&b, "%-10s %s\n", name, strings.ReplaceAll(strings.TrimRight(value, "\n"), "\n",
				"\n           "))
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
	row("payload", strings.TrimPrefix(fmt.Sprintf("%s; %d bytes, read as %s:", r.Description, len(r.Payload),
		stdin.FamilyName(r.Input, r.Payload)), "; "))
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
