package e2e

import (
	"fmt"
	"testing"

	"shimfuzz/corpus"
	"shimfuzz/internal/findings"
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
	cases = everyNth(cases, startEvery)
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
	want, decoder := s.expect(b)
	got, r, address := s.start(t, b)
	d := difference{shim: s, command: "start", decoder: decoder, want: want.String(), got: got.String(), payload: b, story: story}
	if !s.same(want, got) {
		d.fail(t)
		return
	}
	reports := fmt.Sprintf("exit code %d, printed %q", r.Exit, r.Stdout)
	success := fmt.Sprintf("exit code 0, printed %q", address)
	switch {
	case got.Kind == Accepted && reports != success:
		d.want, d.got = success, reports
		d.fail(t)
	case got.Kind != Accepted && r.Exit == 0 && !excused(hidesRefusal):
		d.finding = describe(hidesRefusal)
		d.want, d.got = "an exit code that says that no shim runs", reports
		d.fail(t)
	}
}

const hidesRefusal = "start-hides-refusal"

// excused reports whether the finding of a caller is not to fail a test.
func excused(name string) bool { return named(verify.Excused.Callers(), name) != nil }

// describe is the finding in a report, if it is known of this hcsshim.
func describe(name string) string {
	if c := named(verify.Known.Callers(), name); c != nil {
		return c.Name + ": " + c.Happens
	}
	return ""
}

func named(list []findings.Caller, name string) *findings.Caller {
	for i, c := range list {
		if c.Name == name {
			return &list[i]
		}
	}
	return nil
}
