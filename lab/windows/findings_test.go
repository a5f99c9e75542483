package windows

import (
	"fmt"
	"os"
	"slices"
	"testing"

	"shimfuzz/corpus"
	"shimfuzz/internal/contract"
	"shimfuzz/internal/grammar"
	"shimfuzz/internal/reference"
	"shimfuzz/internal/stdin"
	"shimfuzz/internal/verdict"
	"shimfuzz/internal/verify"
	"shimfuzz/lab/compat/findings"
	"shimfuzz/lab/windows/wine"
)

// Every finding of readOptions shows in the real program, on the case of the
// finding.
func TestFindings(t *testing.T) {
	s := shims(t)[0]
	cases := byName(t)
	for _, f := range verify.Known().Findings() {
		t.Run(f.Name, func(t *testing.T) {
			b, description := placeCase(t, f, findings.ReadOptions, cases)
			want := reference.Answer(b)
			// The extracted readOptions is wrong as the finding predicts …
			verify.Run(t, verify.UnderTest(), verify.Check{Guarantee: f.Breaks,
				Payload: grammar.Payload{Bytes: b, Want: want, Description: description}, Reproduces: true})
			// … and the real program does the same.
			e := s.expect(b)
			got, _ := s.serve(t, b)
			if !e.met(got) {
				s.differs(t, "serve", description, b, e, got)
				return
			}
			say("%-36s %v; right: %s", f.Name, got, want.Kind)
		})
	}
}

func byName(t *testing.T) map[string]corpus.Case {
	t.Helper()
	all, err := corpus.Load()
	if err != nil {
		t.Fatal(err)
	}
	cases := make(map[string]corpus.Case)
	for _, c := range all {
		cases[c.Name] = c
	}
	return cases
}

// placeCase returns the payload that shows a finding in a program.
func placeCase(t *testing.T, f *findings.Finding, program string, cases map[string]corpus.Case) (b []byte,
	description string) {
	t.Helper()
	place, _ := f.In(program)
	if place.Payload != nil {
		b = place.Payload()
		return b, fmt.Sprintf("%d MiB in one field", len(b)>>20)
	}
	c, ok := cases[place.Case]
	if !ok {
		t.Fatalf("the case %q of the finding is not in the corpus", place.Case)
	}
	return c.Payload.Bytes, c.Payload.Description
}

const (
	hidesRefusal  = "start-hides-refusal"
	foreignPanics = "foreign-type-panics"
	groupHides    = "group-hides-bad-field-number"
)

// shows tells whether a run shows a finding, for the findings that have no
// predicted answer.
var shows = map[string]func(Behavior, wine.Result) bool{
	foreignPanics:         func(got Behavior, _ wine.Result) bool { return got.Kind == Panicked },
	groupHides:            func(got Behavior, _ wine.Result) bool { return got.Kind == Accepted },
	"lcow-v2-start-hangs": func(got Behavior, _ wine.Result) bool { return got.Kind == Hung },
	hidesRefusal: func(got Behavior, r wine.Result) bool {
		return got.Kind != Accepted &&
			r.Exit == 0
	},
	"debug-type-file-panics":      func(got Behavior, _ wine.Result) bool { return got.Kind == Panicked },
	"unknown-debug-type-accepted": func(got Behavior, _ wine.Result) bool { return got.Kind == Accepted },
	"log-level-fails-start":       func(got Behavior, _ wine.Result) bool { return got.Kind == InvalidLevel },
	"stdin-unlimited":             func(got Behavior, _ wine.Result) bool { return got.Kind == Accepted },
	"log-level-echoed": func(got Behavior, r wine.Result) bool {
		return got.Kind == InvalidLevel && len(r.Stdout)+len(r.Stderr) > 2*len(got.Text)
	},
}

// Every finding of each program shows in it, on the case of the finding. If
// nothing is excused (FINDINGS=none), each fails here, with its name.
func TestProgramFindings(t *testing.T) {
	t.Parallel()
	cases := byName(t)
	for _, s := range shims(t) {
		for _, f := range s.known().Findings() {
			place, _ := f.In(s.Findings)
			if place.Command == "" && !s.isLCOW() {
				continue // an answer of readOptions, see TestFindings
			}
			t.Run(f.Name+"/"+s.Name, func(t *testing.T) { s.checkFinding(t, f, place, cases) })
		}
	}
}

// checkFinding fails t if a finding shows and is not excused, or is excused and
// does not show.
func (s installed) checkFinding(t *testing.T, f *findings.Finding, place findings.Place, cases map[string]corpus.Case) {
	b, description := placeCase(t, f, s.Findings, cases)
	if place.Command == "" {
		b = distinguishing(b)
	}
	shown, command, what := s.shows(t, f, place, b)
	say("%-28s %s: %s", f.Name, s.Name, what)
	d := difference{shim: s, command: command, finding: f, got: what, payload: b, description: description}
	switch excused := s.excused().Has(f.Name); {
	case shown && !excused:
		d.want = "that the finding does not show, because it is not excused"
		d.fail(t)
	case !shown && excused:
		d.verdict = verdict.KnownRight
		d.want = "that the finding shows, because it is excused"
		d.advice = fmt.Sprintf("The finding %[1]s does not show any more. If a checkout has fixed it, run with\n"+
			"FINDINGS=%[2]s,-%[1]s; if a release has, say which (Fixed, in lab/compat/findings/all.go).", f.Name,
			verify.Excused().Name)
		d.fail(t)
	}
}

// shows gives a payload to the shim and reports whether the finding shows, in
// which command, and what was observed.
func (s installed) shows(t *testing.T, f *findings.Finding, place findings.Place, b []byte) (shown bool, command,
	what string) {
	t.Helper()
	if place.Command == "start" {
		got, r, _ := s.start(t, b)
		return shows[f.Name](got, r), place.Command, fmt.Sprintf("exit code %d; panic.log: %v", r.Exit, got)
	}
	if place.Command == "create" {
		got := s.create(t, &b)[0]
		return shows[f.Name](got, wine.Result{}), place.Command, got.String()
	}
	got, r := s.serve(t, b)
	what = got.String()
	if len(b) > 1<<20 {
		what = fmt.Sprintf("%s, %.1f s, %d MiB in memory, %d MiB printed", got.Kind, r.Seconds, r.Memory>>20,
			(len(r.Stdout)+len(r.Stderr))>>20)
	}
	if place.Command == "" { // the finding is lcow-v2's answer
		return expectation{want: LCOWAfter(findings.LCOWAnswer(b))}.met(got), "serve", what
	}
	return shows[f.Name](got, r), place.Command, what
}

// distinguishing returns the payload, or the payload with a marker, to which
// lcow-v2 does something else than it would if its decoder were right; nil if none
// of them is. Options that are lost show only if their log level is the marker.
func distinguishing(b []byte) []byte {
	for _, m := range slices.Insert(marks(b), 0, b) {
		if LCOWAfter(findings.LCOWAnswer(m)) != LCOWAfter(reference.Answer(m)) {
			return m
		}
	}
	return nil
}

// Each place of a finding in the programs has a payload, and a function that tells
// whether the finding shows, or a payload to which a right lcow-v2 would do
// something else.
func TestPlacesAreTested(t *testing.T) {
	cases := byName(t)
	tested := make(map[string]bool)
	for i := range findings.All {
		f := &findings.All[i]
		for _, program := range []Program{RunHCS, LCOW} {
			place, ok := f.In(program.Findings)
			if !ok {
				continue
			}
			t.Run(f.Name+"/"+program.Name, func(t *testing.T) {
				b, _ := placeCase(t, f, program.Findings, cases)
				switch {
				case place.Command != "":
					if shows[f.Name] == nil {
						t.Error("no function tells whether this finding shows")
					}
					tested[f.Name] = true
				case program.Findings == findings.LCOW:
					if distinguishing(b) == nil {
						t.Error("the wrong answer makes no difference to what lcow-v2 does")
					}
				}
			})
		}
	}
	for name := range shows {
		if !tested[name] {
			t.Errorf("there is no finding %s of the programs", name)
		}
	}
}

// A report of a difference names what was wanted, and the finding if it is known.
func TestReport(t *testing.T) {
	b := []byte{0x08}
	d := difference{shim: installed{Program: RunHCS}, command: "serve", want: "refused", got: "accepted", payload: b,
		description: "a description"}
	r := d.report("make -C lab e2e")
	if r.Verdict != verdict.Wrong || r.Guarantee != contract.GuaranteeOf(reference.Answer(b).Kind) ||
		r.Want != d.want || r.Got != d.got || r.Replay != "make -C lab e2e" {
		t.Errorf("report = %+v", r)
	}
	d.finding, d.verdict = &findings.All[0], verdict.KnownRight
	if r = d.report(""); r.Verdict != verdict.KnownRight || r.Finding != d.finding || r.Guarantee != d.finding.Breaks {
		t.Errorf("report with a finding = %+v", r)
	}
}

// TestCase shows what the shims do with one payload, for make -C lab e2e CASE=file.
func TestCase(t *testing.T) {
	name := e2eSettings(t).Case
	if name == "" {
		t.Skip("NOT RUN: there is no CASE")
	}
	have := shims(t)
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	family, _ := stdin.Family(contract.Stdin, b)
	say("%d bytes, read as %s", len(b), family)
	for _, s := range have {
		e := s.expect(b)
		got, _ := s.serve(t, b)
		say("%s serve\n  %s\n  so it must do  %v\n  it did         %v", s.Name, e.decoder, e, got)
		s.check(t, name, b)
		if s.isLCOW() {
			say("%s -info\n  the contract answers %v\n  it answered          %v", s.Name, infoAnswer(b),
				readInfo(s.info(t, b)))
			s.checkInfo(t, name, b)
			continue
		}
		say("%s create\n  it must do  %v\n  it did      %v", s.Name, s.expectCreate(&b), s.create(t, &b)[0])
		s.checkCreate(t, "this payload", []bareAny{{name, &b}})
		got, r, _ := s.start(t, b)
		say("%s start\n  exit code %d, printed %q\n  panic.log      %v", s.Name, r.Exit, r.Stdout, got)
		s.checkStart(t, name, b)
	}
}
