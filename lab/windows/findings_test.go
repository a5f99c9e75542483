package windows

import (
	"cmp"
	"fmt"
	"slices"
	"testing"

	"shimfuzz/internal/contract"
	"shimfuzz/internal/reference"
	"shimfuzz/internal/verdict"
	"shimfuzz/internal/verify"
	"shimfuzz/lab/compat/findings"
)

// Every known finding of the shims shows in the real program, on the case of the finding:
// those of readOptions and of lcow-v2's decoder as a wrong answer, the others as what shows
// has. If nothing is excused (FINDINGS=none), each fails here, with its name.
func TestFindings(t *testing.T) {
	t.Parallel()
	for _, s := range shims {
		for _, program := range s.programs {
			excused := findings.All.For(verify.Excused(), program)
			for _, f := range findings.All.For(verify.Known(), program).Findings {
				place, _ := f.In(program)
				if program == findings.RunHCS && place.Command == "" {
					continue // an answer of readOptions, which is another program there
				}
				c := commands[s][slices.IndexFunc(commands[s], func(c command) bool {
					return c.name == cmp.Or(place.Command, serve.name)
				})]
				t.Run(fmt.Sprint(f.Name, "/", s.name, " ", c.name), func(t *testing.T) {
					s.checkFinding(t, c, f, place, excused.Has(f.Name))
				})
			}
		}
	}
}

// The findings that are also known by their names elsewhere.
const (
	hidesRefusal  = "start-hides-refusal"
	levelEchoed   = "log-level-echoed"
	foreignPanics = "foreign-type-panics"
)

// shows is what the command does that has a finding, for those that have no predicted answer.
var shows = map[string]Behavior{
	foreignPanics:                  {Kind: Panicked},
	"group-hides-bad-field-number": {Kind: Accepted},
	"lcow-v2-start-hangs":          {Kind: Hung},
	"debug-type-file-panics":       {Kind: Panicked},
	"unknown-debug-type-accepted":  {Kind: Accepted},
	"log-level-fails-start":        {Kind: InvalidLevel},
	"stdin-unlimited":              {Kind: Accepted},
	hidesRefusal:                   {Kind: Refused, Told: toldWhere},
	levelEchoed:                    {Kind: InvalidLevel}, // and more output than the level is long
}

// checkFinding fails t if a finding shows and is not excused, or is excused and
// does not show.
func (s *shim) checkFinding(t *testing.T, c command, f *findings.Finding, place findings.Place, excused bool) {
	var p payload
	if place.Payload == nil {
		p = byName(t, place.Case)
	} else {
		p.Bytes = place.Payload()
		p.Description = fmt.Sprintf("%d MiB in one field", len(p.Bytes)>>20)
	}
	finds, known := shows[f.Name]
	if place.Command == "" {
		p = s.distinguishing(t, p)
		finds = s.after(s.answer(p.Bytes))
	} else if !known {
		t.Fatalf("shows does not have what shows %s", f.Name)
	}
	got := s.do(t, c, p)
	what := got.String()
	if len(p.Bytes) > 1<<20 {
		what = fmt.Sprintf("%s, %d MiB printed", got.Kind, len(got.run.output)>>20)
	}
	shown := finds.met(got) && (f.Name != levelEchoed || len(got.run.output) > 1<<20)
	if right := reference.Answer(p.Bytes); place.Command == "" {
		what += "; right: " + string(right.Kind)
		shown = shown && !contract.Right(right, s.answer(p.Bytes))
	}
	say("%-28s %s %s: %s", f.Name, s.name, c.name, what)
	switch {
	case shown && !excused:
		s.fail(t, c, p, verdict.Report{Verdict: verdict.Wrong, Finding: f, Got: what,
			Want: "that the finding does not show, because it is not excused"})
	case !shown && excused:
		s.fail(t, c, p, verdict.Report{Verdict: verdict.KnownRight, Finding: f, Got: what,
			Want: "that the finding shows, because it is excused: " + finds.String(),
			Advice: fmt.Sprintf("If a checkout has fixed %[1]s, run with FINDINGS=%[2]s,-%[1]s;\n"+
				"if a release has, say which (Fixed, in lab/compat/findings/all.go).", f.Name, verify.Excused().Name)})
	}
}

// distinguishing returns the payload, or the payload with a marker, to which serve does
// something else than it would if its decoder were right. Options that are lost show only
// if their log level is the marker.
func (s *shim) distinguishing(t testing.TB, p payload) payload {
	t.Helper()
	all := slices.Insert(marks(p.Bytes), 0, p.Bytes)
	i := slices.IndexFunc(all, func(b []byte) bool { return !s.after(reference.Answer(b)).met(s.after(s.answer(b))) })
	if i < 0 {
		t.Fatalf("the wrong answer makes no difference to what serve does: %s", p.Description)
	}
	p.Bytes = all[i]
	return p
}
