package e2e

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"shimfuzz/corpus"
	"shimfuzz/internal/findings"
	"shimfuzz/internal/settings"
	"shimfuzz/internal/stdin"
	"shimfuzz/internal/verify"
	"shimfuzz/internal/wire"
)

// Every finding of readOptions shows in the real program, on its own case.
func TestFindings(t *testing.T) {
	s := shims(t)[0]
	cases := byName(t)
	for _, f := range verify.Known().Findings {
		t.Run(f.Name, func(t *testing.T) {
			c, ok := cases[f.Case]
			if !ok {
				t.Fatalf("the finding's case %s is not in the corpus", f.Case)
			}
			// That it is wrong, and wrong as the finding says, of the extract …
			verify.Run(t, verify.UnderTest(), verify.Check{Guarantee: f.Breaks, Payload: c.Payload, Reproduces: true})
			// … and that the real program does so.
			e := s.expect(c.Payload.Bytes)
			got, _ := s.serve(t, c.Payload.Bytes)
			if !e.met(got) {
				s.differs(t, "serve", c.Payload.Story, c.Payload.Bytes, e, got)
				return
			}
			say("%-36s %v; right: %s", f.Name, got, c.Outcome)
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

// seen is whether a finding shows, and what was seen of it.
type seen struct {
	shows bool
	what  string
}

// shows looks for each finding of the callers in the real programs.
var shows = map[string]func(t *testing.T, have []installed, b []byte) seen{
	hidesRefusal: func(t *testing.T, have []installed, b []byte) seen {
		v, r, _ := have[0].start(t, b)
		return seen{v.Kind != Accepted && r.Exit == 0, fmt.Sprintf("exit code %d; panic.log: %v", r.Exit, v)}
	},
	"debug-type-file-panics": func(t *testing.T, have []installed, b []byte) seen {
		v, _ := have[0].serve(t, b)
		return seen{v.Kind == Panicked, v.String()}
	},
	"unknown-debug-type-accepted": func(t *testing.T, have []installed, b []byte) seen {
		v, _ := have[0].serve(t, b)
		return seen{v.Kind == Accepted, v.String()}
	},
	"log-level-fails-start": func(t *testing.T, have []installed, b []byte) seen {
		return all(t, have, b, func(v Verdict, _ run) bool { return v.Kind == Level })
	},
	"stdin-unlimited": func(t *testing.T, have []installed, b []byte) seen {
		return all(t, have, b, func(v Verdict, _ run) bool { return v.Kind == Accepted })
	},
	"log-level-echoed": func(t *testing.T, have []installed, b []byte) seen {
		return all(t, have, b, func(v Verdict, r run) bool { return v.Kind == Level && r.printed > 2*len(v.Text) })
	},
	"lcow-v2-loses-legacy-options":         lcowAccepts,
	"lcow-v2-legacy-is-default":            lcowAccepts,
	"lcow-v2-group-hides-bad-field-number": lcowAccepts,
}

// run is how much a run cost, and printed.
type run struct {
	printed int
	memory  int64
}

// all reports whether every shim does what shows the finding.
func all(t *testing.T, have []installed, b []byte, is func(Verdict, run) bool) seen {
	s := seen{shows: true}
	var what []string
	for _, shim := range have {
		if shim.isLcow() {
			b = extension(b)
		}
		v, r := shim.serve(t, b)
		s.shows = s.shows && is(v, run{len(r.Stdout) + len(r.Stderr), r.Memory})
		text := fmt.Sprintf("%s: %s", strings.TrimPrefix(shim.Name, "containerd-shim-"), v.Kind)
		if len(b) > 1<<20 {
			text += fmt.Sprintf(", %.1f s, %d MiB in memory, %d MiB printed", r.Seconds, r.Memory>>20, (len(r.Stdout)+len(r.Stderr))>>20)
		}
		what = append(what, text)
	}
	s.what = strings.Join(what, "; ")
	return s
}

// extension is a legacy payload as containerd sends it from 2.3 on.
func extension(legacy []byte) []byte {
	return wire.Message{wire.String(4, "2.3.7"), wire.Sub(8, wire.Bytes(1, legacy))}.Encode()
}

func lcowAccepts(t *testing.T, have []installed, b []byte) seen {
	v, _ := have[1].serve(t, b)
	return seen{v.Kind == Accepted, v.String()}
}

// Every finding of the callers shows, on its own case. Without excuses
// (FINDINGS=none) each of them fails here, by its name.
func TestCallers(t *testing.T) {
	have := shims(t)
	cases := byName(t)
	for _, c := range verify.Known().Callers() {
		if strings.HasPrefix(c.Program, "lcow-v2") && len(have) < 2 {
			continue // make e2e has said that there is none
		}
		t.Run(c.Name, func(t *testing.T) {
			b, story := callersCase(t, c, cases)
			s := shows[c.Name](t, have, b)
			d := difference{shim: shimOf(have, c), command: c.Program[strings.LastIndexByte(c.Program, ' ')+1:], payload: b, story: story, got: s.what}
			switch {
			case s.shows && !excused(c.Name):
				d.finding = &c
				d.fail(t)
			case !s.shows && excused(c.Name):
				d.want = "that " + c.Name + " still shows: " + c.Happens
				d.advice = "If a checkout has mended it, run with FINDINGS=" + verify.Excused().Name + ",-" + c.Name + ";\nif a release has, say which (Fixed, in internal/findings/callers.go)."
				d.fail(t)
			case s.shows:
				say("%-36s %s", c.Name, s.what)
			default:
				say("%-36s does not show: %s", c.Name, s.what)
			}
		})
	}
}

func shimOf(have []installed, c findings.Caller) installed {
	if strings.HasPrefix(c.Program, "lcow-v2") {
		return have[1]
	}
	return have[0]
}

func callersCase(t *testing.T, c findings.Caller, cases map[string]corpus.Case) (b []byte, story string) {
	t.Helper()
	if c.Make != nil {
		b = c.Make()
		return b, fmt.Sprintf("%d MiB in one field", len(b)>>20)
	}
	found, ok := cases[c.Case]
	if !ok {
		t.Fatalf("the finding's case %s is not in the corpus", c.Case)
	}
	return found.Payload.Bytes, found.Payload.Story
}

// Each finding of the callers has a test of whether it shows, and a case.
func TestCallersAreTested(t *testing.T) {
	cases := byName(t)
	var names []string
	for _, c := range findings.Callers {
		if _, ok := cases[c.Case]; !ok && c.Make == nil {
			t.Errorf("%s: its case %q is not in the corpus", c.Name, c.Case)
		}
		if shows[c.Name] == nil {
			t.Errorf("%s: nothing looks whether it shows", c.Name)
		}
		if slices.Contains(names, c.Name) {
			t.Errorf("%s is there twice", c.Name)
		}
		names = append(names, c.Name)
	}
	if len(names) != len(shows) {
		t.Errorf("%d findings, %d tests of whether one shows", len(names), len(shows))
	}
}

// One payload, for make e2e CASE=file.
func TestCase(t *testing.T) {
	name := os.Getenv(settings.Case)
	if name == "" {
		t.Skip("NOT RUN: no case to run")
	}
	have := shims(t)
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	say("%d bytes, read as %s", len(b), stdin.FamilyName(b))
	for _, s := range have {
		e := s.expect(b)
		got, _ := s.serve(t, b)
		say("%s serve\n  %s\n  so it must   %v\n  and it did   %v", s.Name, e.decoder, e, got)
		s.check(t, name, b)
		if s.isLcow() {
			continue
		}
		got, r, _ := s.start(t, b)
		say("%s start\n  exit code %d, printed %q\n  panic.log    %v", s.Name, r.Exit, r.Stdout, got)
		s.checkStart(t, name, b)
	}
}
