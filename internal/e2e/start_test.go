package e2e

import (
	"fmt"
	"testing"

	"shimfuzz/corpus"
	"shimfuzz/internal/verify"
)

// startEvery is how many cases of the corpus there are for each that goes
// through start, too: a few dozen are enough to see that start passes on its
// stdin as it is.
const startEvery = 13

// Through start: serve, which that starts, does what it does when it is started
// by itself, and start says which pipe it serves on.
func TestStart(t *testing.T) {
	s := shims(t)[0]
	cases, err := corpus.Load()
	if err != nil {
		t.Fatal(err)
	}
	cases = everyNth(different(cases), startEvery)
	p := &progress{what: "corpus, through start", total: len(cases)}
	for _, c := range cases {
		t.Run(c.Name, func(t *testing.T) {
			t.Parallel()
			defer p.step()
			s.checkStart(t, c.Payload.Story, c.Payload.Bytes)
		})
	}
}

// checkStart is check for start.
func (s installed) checkStart(t *testing.T, story string, b []byte) {
	t.Helper()
	s.compareStart(t, story, b)
	if marked := s.marked(t, story, b); marked != nil {
		s.compareStart(t, story+", marked", marked)
	}
}

func everyNth(cases []corpus.Case, n int) []corpus.Case {
	var some []corpus.Case
	for i := 0; i < len(cases); i += n {
		some = append(some, cases[i])
	}
	return some
}

// compareStart holds what start does to what it must do. That it hides what
// serve refuses is known.
func (s installed) compareStart(t *testing.T, story string, b []byte) {
	t.Helper()
	e := s.expect(b)
	got, r, address := s.start(t, b)
	if !e.met(got) {
		s.differs(t, "start", story, b, e, got)
		return
	}
	d := difference{shim: s, command: "start", decoder: e.decoder, payload: b, story: story}
	d.got = fmt.Sprintf("exit code %d, printed %q", r.Exit, r.Stdout)
	success := fmt.Sprintf("exit code 0, printed %q", address)
	switch {
	case got.Kind == Accepted && d.got != success:
		d.want = success
		d.fail(t)
	case got.Kind != Accepted && r.Exit == 0 && !excused(hidesRefusal):
		d.finding = named(verify.Known().Callers(), hidesRefusal)
		d.want = fmt.Sprintf("an exit code that says that no shim runs, because serve %v", got)
		d.fail(t)
	}
}

const hidesRefusal = "start-hides-refusal"
