package windows

import (
	"fmt"
	"runtime"
	"testing"

	"shimfuzz/corpus"
	"shimfuzz/lab/windows/wine"
)

// startEvery is the distance of the cases of the corpus that TestStart runs. A few
// dozen show that start passes its standard input on unchanged.
const startEvery = 13

// The serve that start starts does the same as one that is started directly, and
// start prints the address of the pipe on which it serves.
func TestStart(t *testing.T) {
	t.Parallel()
	s := shims(t)[0]
	cases, err := corpus.Load()
	if err != nil {
		t.Fatal(err)
	}
	cases = everyNth(chosen(different(cases), 0), startEvery)
	payloads.add(len(cases))
	for _, c := range cases {
		t.Run(c.Name, func(t *testing.T) {
			t.Parallel()
			defer payloads.step()
			s.checkStart(t, c.Payload.Description, c.Payload.Bytes)
		})
	}
}

// checkStart is like check, for start.
func (s installed) checkStart(t *testing.T, description string, b []byte) {
	t.Helper()
	s.compareStart(t, description, b)
	if marked := s.marked(t, description, b); marked != nil {
		s.compareStart(t, description+", marked", marked)
	}
}

// startsLCOW are cases that the serve of lcow-v2 accepts. They are few, because each
// leaves a process running until Wine's server ends.
var startsLCOW = []string{"legacy_no_stdin", "bootstrap_options"}

// The start of lcow-v2 prints where it serves, for payloads that its serve accepts. It
// hangs for others, which is a finding.
func TestStartLCOW(t *testing.T) {
	t.Parallel()
	have := shims(t)
	if len(have) < 2 || runtime.GOOS == "windows" {
		say("NOT RUN: start of lcow-v2, because there is none that reads BootstrapParams, or nothing that would end " +
			"what it starts")
		return
	}
	s, cases := have[1], byName(t)
	for _, name := range startsLCOW {
		c := cases[name].Payload
		want := expectation{decoder: "the model of lcow-v2's decoder accepts it", want: Behavior{Kind: Accepted}}
		got, r, address := s.start(t, c.Bytes)
		if !want.met(got) {
			s.differs(t, "start", c.Description, c.Bytes, want, got)
			continue
		}
		s.checkPrinted(t, c.Description, c.Bytes, got, r, address)
	}
}

func everyNth(cases []corpus.Case, n int) []corpus.Case {
	var some []corpus.Case
	for i := 0; i < len(cases); i += n {
		some = append(some, cases[i])
	}
	return some
}

// compareStart fails t unless start, and the serve that it starts, do what they
// must do with a payload. That start hides a refusal may be excused.
func (s installed) compareStart(t *testing.T, description string, b []byte) {
	t.Helper()
	e := s.expect(b)
	got, r, address := s.start(t, b)
	if !e.met(got) {
		s.differs(t, "start", description, b, e, got)
		return
	}
	s.checkPrinted(t, description, b, got, r, address)
}

// checkPrinted fails t unless start has told whether a shim runs, and where.
func (s installed) checkPrinted(t *testing.T, description string, b []byte, got Behavior, r wine.Result,
	address string) {
	t.Helper()
	d := difference{shim: s, command: "start", payload: b, description: description,
		got: fmt.Sprintf("exit code %d, printed %q", r.Exit, r.Stdout)}
	success := fmt.Sprintf("exit code 0, printed %q", address)
	switch {
	case got.Kind == Accepted && d.got != success:
		d.want = success
		d.fail(t)
	case got.Kind != Accepted && r.Exit == 0 && !s.excused().Has(hidesRefusal):
		d.finding = s.finding(hidesRefusal)
		d.want = fmt.Sprintf("an exit code other than 0, because no shim runs: serve %v", got)
		d.fail(t)
	}
}
