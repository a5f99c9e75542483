package e2e

import (
	"fmt"
	"math/rand"
	"os"
	"slices"
	"strconv"
	"testing"

	"shimfuzz/corpus"
	"shimfuzz/internal/contract"
	"shimfuzz/internal/payload"
	"shimfuzz/internal/reference"
	"shimfuzz/internal/settings"
)

// Every case of the corpus, through serve of each shim: the program does what
// the extracted readOptions says, as it is and with a marker in its options.
func TestCorpus(t *testing.T) {
	have := shims(t)
	cases, err := corpus.Load()
	if err != nil {
		t.Fatal(err)
	}
	all := len(cases)
	cases = different(cases)
	say("%d cases of the corpus, %d of them the bytes of another", all, all-len(cases))
	p := &progress{what: "corpus", total: len(cases)}
	for _, c := range cases {
		t.Run(c.Name, func(t *testing.T) {
			t.Parallel()
			defer p.step()
			for _, s := range have {
				s.check(t, c.Payload.Story, c.Payload.Bytes)
			}
		})
	}
}

// different are the cases without those that are the bytes of an earlier one:
// containerd was recorded to send the same in many ways.
func different(cases []corpus.Case) (list []corpus.Case) {
	seen := make(map[string]bool)
	for _, c := range cases {
		if b := string(c.Payload.Bytes); !seen[b] {
			seen[b] = true
			list = append(list, c)
		}
	}
	return list
}

// check gives a shim a payload, and the payload with a marker in what may be
// its options.
func (s installed) check(t *testing.T, story string, b []byte) {
	t.Helper()
	s.compare(t, story, b)
	if marked := s.marked(t, story, b); marked != nil {
		s.compare(t, story+", marked", marked)
	}
}

// compare holds what the shim does to what it must do.
func (s installed) compare(t *testing.T, story string, b []byte) {
	t.Helper()
	e := s.expect(b)
	got, _ := s.serve(t, b)
	if !e.met(got) {
		s.differs(t, "serve", story, b, e, got)
	}
}

// differs fails t.
func (s installed) differs(t *testing.T, command, story string, b []byte, e expectation, got Verdict) {
	t.Helper()
	difference{shim: s, command: command, finding: e.finding, decoder: e.decoder, want: e.String(), got: got.String(), payload: b, story: story}.fail(t)
}

// marked is the payload with a marker in what may be its options, nil if there
// is nothing of the kind. A payload whose answer is options must give the marker
// back, or nothing would show that they are these.
func (s installed) marked(t *testing.T, story string, b []byte) []byte {
	t.Helper()
	with := marks(b)
	for _, m := range with {
		if o := s.answer(m); o.Kind == contract.Options && o.Options.GetLogLevel() == marker {
			return m
		}
	}
	if s.answer(b).Kind == contract.Options {
		t.Errorf("%s: no marker can be put into these options", story)
	}
	if len(with) == 0 {
		return nil
	}
	return with[0]
}

// TestGenerated is TestCorpus for payloads that are made anew for every seed.
func TestGenerated(t *testing.T) {
	have := shims(t)
	seed, checks := number(t, settings.Seed, 1), number(t, settings.Checks, 300)
	cases, err := corpus.Load()
	if err != nil {
		t.Fatal(err)
	}
	p := &progress{what: "generated payloads", total: checks}
	for i := range checks {
		t.Run(strconv.Itoa(i), func(t *testing.T) {
			t.Parallel()
			defer p.step()
			src := rand.New(rand.NewSource(int64(seed)<<32 + int64(i)))
			made := generate(src, i, cases)
			for _, s := range have {
				s.check(t, fmt.Sprintf("SEED=%d, number %d: %s", seed, i, made.Story), made.Bytes)
			}
		})
	}
}

func number(t *testing.T, name string, usual int) int {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return usual
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// generate draws a payload, of each kind in turn.
func generate(src *rand.Rand, i int, cases []corpus.Case) payload.Payload {
	switch i % 6 {
	case 0:
		return payload.Minimal(src)
	case 1:
		return payload.Foreign(src)
	case 2:
		return payload.Malformed(src)
	case 3:
		return changed(src, cases)
	}
	return payload.Valid(src, payload.AllVariations)
}

// changed is a case of the corpus with a byte changed, bytes cut out, or another
// case behind it.
func changed(src *rand.Rand, cases []corpus.Case) payload.Payload {
	c := cases[src.Intn(len(cases))].Payload
	b := slices.Clone(c.Bytes)
	at := src.Intn(len(b) + 1)
	switch src.Intn(3) {
	case 0:
		b = append(b, cases[src.Intn(len(cases))].Payload.Bytes...)
	case 1:
		b = slices.Delete(b, at, at+src.Intn(len(b)-at+1))
	default:
		if at < len(b) {
			b[at] = byte(src.Intn(256))
		}
	}
	return payload.Payload{Bytes: b, Story: c.Story + ", changed"}
}

// A marker can be put into all options of the corpus, or TestCorpus would not
// tell options from none.
func TestMarks(t *testing.T) {
	cases, err := corpus.Load()
	if err != nil {
		t.Fatal(err)
	}
	marked := 0
	for _, c := range cases {
		if c.Outcome != contract.Options {
			continue
		}
		if !slices.ContainsFunc(marks(c.Payload.Bytes), func(m []byte) bool {
			o := reference.Answer(m)
			return o.Kind == contract.Options && o.Options.GetLogLevel() == marker
		}) {
			t.Errorf("%s: no marker can be put into its options", c.Name)
		}
		marked++
	}
	if marked == 0 {
		t.Error("the corpus has no options")
	}
}
