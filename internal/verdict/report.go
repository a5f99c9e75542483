package verdict

import (
	"fmt"
	"slices"
	"strings"

	"shimfuzz/docs"
	"shimfuzz/internal/contract"
	"shimfuzz/internal/findings"
	"shimfuzz/internal/grammar"
	"shimfuzz/internal/stdin"
)

// Report is what a person is told of one answer. An empty row is left out.
type Report struct {
	Verdict    Kind
	Group      string // what failures of one defect have in common, whatever the payload, and whichever test found them
	Finding    *findings.Finding
	Guarantee  contract.Guarantee
	Rules      []string // ids of docs/contract.md that decide on the payload
	Program    string   // that answered, with its version
	Want, Got  string
	Difference string
	Panic      string // its value and where it came from
	Advice     string // what to do
	Payload    grammar.Payload
	Replay     string // the commands that show it again
	First      string // another test, which has failed for the same cause before and shows it in full
}

// Cause names what failures have in common: the finding that explains them, or their group.
func (r Report) Cause() string {
	if r.Finding != nil && r.Verdict != KnownDifferent {
		return r.Finding.Name
	}
	return r.Group
}

// group names the guarantee that is broken, and the finding, or which answer was given in
// place of which. It depends on no test's guarantee: several tests find the same defect.
func (v Verdict) group(p grammar.Payload, got contract.Outcome) string {
	breaks, where := contract.GuaranteeOf(p.Want.Kind), "Create" // which is decoded by code of its own
	if p.Input == contract.Stdin {
		where, _ = stdin.Family(p.Input, p.Bytes)
	}
	where = " in " + where
	if got.Kind.AlwaysWrong() {
		breaks = contract.NeverPanics
	}
	kind := fmt.Sprintf("%s for %s", got.Kind, p.Want.Kind)
	switch {
	case v.Kind == Wrong && v.Finding != nil:
		breaks, kind = v.Finding.Breaks, v.Finding.Name
		if p.Input == contract.Stdin {
			where = ""
		}
	case got.Kind == contract.Panic:
		kind, where = panicKind(got.Panic), ""
	}
	return breaks.Name + ": " + kind + where
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
func (v Verdict) Report(p grammar.Payload, got contract.Outcome, breaks contract.Guarantee,
	excused findings.List) Report {
	r := Report{Verdict: v.Kind, Finding: v.Finding, Guarantee: breaks, Payload: p}
	if v.Other != "" {
		r.Difference, r.Group = v.Other, breaks.Name+": beside the answer"
		return r
	}
	r.Group, r.Want, r.Got = v.group(p, got), oneOf(p.Want), clip(got.String())
	r.Rules = stdin.Rules(p.Input, p.Bytes, p.Want.Kind)
	r.Difference = contract.Diff(p.Want, got)
	switch {
	case v.Finding != nil && v.Kind != KnownDifferent:
		r.Guarantee = v.Finding.Breaks
	case got.Kind.AlwaysWrong():
		r.Guarantee = contract.NeverPanics
	}
	if got.Kind == contract.Panic {
		r.Panic = got.Panic
	}
	switch v.Kind {
	case Right:
		r.Guarantee = contract.Guarantee{}
	case KnownRight:
		if r.Difference == "" {
			r.Difference = "the right answer"
		}
		r.Advice = fmt.Sprintf("The finding %[1]s does not show here. If a checkout has mended it, run with\n"+
			"FINDINGS=%[2]s,-%[1]s; if a release has, say which (Fixed, in internal/findings/all.go).", v.Finding.Name,
			excused.Name)
	case KnownDifferent:
		r.Advice = fmt.Sprintf("This is a new defect. Where the finding %s affects a payload as it does here, the "+
			"answer is\nthe right one or %v.", v.Finding.Name, v.Predicted)
	}
	return r
}

// oneOf names an answer, and the others that are right, too.
func oneOf(want contract.Outcome) string {
	var all []string
	for _, o := range want.All() {
		all = append(all, clip(o.String()))
	}
	return strings.Join(all, "\nor ")
}

// clip shortens a text that would not stay on a screen.
func clip(s string) string {
	const longest = 400 // bytes
	if len(s) <= longest {
		return s
	}
	return strings.ToValidUTF8(s[:longest], "") + "…"
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
	if r.First != "" {
		difference, _, _ := strings.Cut(r.Difference, "\n")
		return fmt.Sprintf("%s: %s, in full in %s; %s", r.Cause(), difference, r.First, r.Replay)
	}
	b.WriteString("\n")
	row("verdict", string(r.Verdict))
	if r.Finding != nil && r.Verdict != KnownDifferent {
		row("finding", r.Finding.Name+": "+r.Finding.Effect)
	}
	if r.Guarantee.Name != "" {
		row("guarantee", r.Guarantee.String())
	}
	row("program", r.Program)
	row("want", r.Want)
	for _, id := range r.Rules {
		row("by", id+" of docs/contract.md:\n"+docs.Rule(id))
	}
	row("got", r.Got)
	row("difference", r.Difference)
	row("panic", r.Panic)
	row("to do", r.Advice)
	row("replay", r.Replay) // above the dump, which may be long
	p := r.Payload
	family, md := stdin.Family(p.Input, p.Bytes)
	row("payload", strings.TrimPrefix(fmt.Sprintf("%s; %d bytes, read as %s:", p.Description, len(p.Bytes), family),
		"; "))
	b.WriteString(stdin.DumpAs(p.Bytes, md))
	more := ""
	if len(p.Bytes) > maxHex {
		more = "… (the replay file has all of it)"
	}
	row("hex", fmt.Sprintf("%.*x%s", maxHex, p.Bytes, more))
	return b.String()
}

// maxHex is how many bytes of a payload are shown as digits.
const maxHex = 512
