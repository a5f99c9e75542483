package windows

import (
	"cmp"
	"fmt"
	"os"
	"slices"
	"testing"

	"shimfuzz/internal/contract"
	"shimfuzz/internal/grammar"
	"shimfuzz/internal/reference"
	"shimfuzz/internal/stdin"
	"shimfuzz/internal/verdict"
	"shimfuzz/internal/verify"
	"shimfuzz/lab/compat/findings"
)

// Every finding of readOptions shows in the real program, on the case of the
// finding, as in the extracted function.
func TestFindings(t *testing.T) {
	for _, f := range verify.Known().Findings() {
		t.Run(f.Name, func(t *testing.T) {
			place, _ := f.In(findings.ReadOptions)
			p := placePayload(t, place)
			p.Want = reference.Answer(p.Bytes)
			verify.Run(t, verify.UnderTest(), verify.Check{Guarantee: f.Breaks, Payload: p.Payload, Reproduces: true})
			got := runhcs.check(t, serve, p)
			say("%-36s %v; right: %s", f.Name, got, p.Want.Kind)
		})
	}
}

// Every finding of each program shows in it, on the case of the finding. If
// nothing is excused (FINDINGS=none), each fails here, with its name.
func TestProgramFindings(t *testing.T) {
	t.Parallel()
	for _, s := range shims {
		for _, f := range s.known().Findings() {
			place, _ := f.In(s.program)
			if place.Command == "" && s != lcow {
				continue // an answer of readOptions, see TestFindings
			}
			t.Run(f.Name+"/"+s.name, func(t *testing.T) { s.checkFinding(t, f, place) })
		}
	}
}

// placePayload is the payload that shows a finding.
func placePayload(t testing.TB, place findings.Place) payload {
	t.Helper()
	if place.Payload == nil {
		return byName(t, place.Case)
	}
	b := place.Payload()
	return payload{"", grammar.Payload{Bytes: b, Description: fmt.Sprintf("%d MiB in one field", len(b)>>20)}}
}

const (
	hidesRefusal  = "start-hides-refusal"
	foreignPanics = "foreign-type-panics"
	groupHides    = "group-hides-bad-field-number"
)

// shows tells whether a run shows a finding, for the findings that have no
// predicted answer.
var shows = map[string]func(Behavior, observed) bool{
	foreignPanics:                 did(Panicked),
	groupHides:                    did(Accepted),
	"lcow-v2-start-hangs":         did(Hung),
	"debug-type-file-panics":      did(Panicked),
	"unknown-debug-type-accepted": did(Accepted),
	"log-level-fails-start":       did(InvalidLevel),
	"stdin-unlimited":             did(Accepted),
	hidesRefusal:                  func(got Behavior, r observed) bool { return got.Kind != Accepted && r.Exit == 0 },
	"log-level-echoed": func(got Behavior, r observed) bool {
		return got.Kind == InvalidLevel && len(r.output) > 2*len(got.Text)
	},
}

func did(kind Kind) func(Behavior, observed) bool {
	return func(got Behavior, _ observed) bool { return got.Kind == kind }
}

// checkFinding fails t if a finding shows and is not excused, or is excused and
// does not show. One without a command is a wrong answer of lcow-v2.
func (s *shim) checkFinding(t *testing.T, f *findings.Finding, place findings.Place) {
	p, shown := placePayload(t, place), shows[f.Name]
	name := cmp.Or(place.Command, serve.name)
	c := commands[s][slices.IndexFunc(commands[s], func(c command) bool { return c.name == name })]
	if place.Command == "" {
		p = s.distinguishing(t, p)
		shown = func(got Behavior, _ observed) bool { return s.after(s.answer(p.Bytes)).met(got) }
	} else if shown == nil {
		t.Fatalf("no function of shows tells whether %s shows", f.Name)
	}
	got, r := s.do(t, c, p)
	what := got.String()
	if len(p.Bytes) > 1<<20 {
		what = fmt.Sprintf("%s, %.1f s, %d MiB in memory, %d MiB printed", got.Kind, r.Seconds, r.Memory>>20,
			len(r.output)>>20)
	}
	say("%-28s %s: %s", f.Name, s.name, what)
	report := verdict.Report{Verdict: verdict.Wrong, Finding: f, Got: what,
		Want: "that the finding does not show, because it is not excused"}
	shows, excused := shown(got, r), s.excused().Has(f.Name)
	if excused {
		report.Verdict = verdict.KnownRight
		report.Want = "that the finding shows, because it is excused"
		report.Advice = fmt.Sprintf("The finding %[1]s does not show any more. If a checkout has fixed it, run with\n"+
			"FINDINGS=%[2]s,-%[1]s; if a release has, say which (Fixed, in lab/compat/findings/all.go).", f.Name,
			verify.Excused().Name)
	}
	if shows != excused {
		s.fail(t, c, p, report)
	}
}

// distinguishing returns the payload, or the payload with a marker, to which
// lcow-v2 does something else than it would if its decoder were right. Options that are
// lost show only if their log level is the marker.
func (s *shim) distinguishing(t testing.TB, p payload) payload {
	t.Helper()
	all := slices.Insert(marks(p.Bytes), 0, p.Bytes)
	i := slices.IndexFunc(all, func(b []byte) bool { return !s.after(reference.Answer(b)).met(s.after(s.answer(b))) })
	if i < 0 {
		t.Fatal("the wrong answer makes no difference to what lcow-v2 does")
	}
	p.Bytes = all[i]
	return p
}

// The shims do what they must with one payload, and it is shown: make -C lab e2e CASE=file.
func TestCase(t *testing.T) {
	b, err := os.ReadFile(set.Case)
	if err != nil {
		t.Fatal(err)
	}
	family, _ := stdin.Family(contract.Stdin, b)
	say("%d bytes, read as %s", len(b), family)
	p := payload{set.Case, grammar.Payload{Bytes: b, Description: set.Case}}
	for _, s := range shims {
		for _, c := range commands[s] {
			if s == lcow && c.name == start.name {
				continue // it hangs if serve refuses the payload
			}
			e, got := c.expect(s, b), s.check(t, c, p)
			say("%s %s\n  %s\n  so it must do  %v\n  it did         %v", s.name, c.name, e.because, e.want, got)
		}
	}
}
