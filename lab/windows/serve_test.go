package windows

import (
	"fmt"
	"math/rand"
	"slices"
	"strconv"
	"testing"

	"shimfuzz/corpus"
	"shimfuzz/internal/contract"
	"shimfuzz/internal/grammar"
	"shimfuzz/internal/reference"

	"github.com/Microsoft/hcsshim/cmd/containerd-shim-runhcs-v1/options"
)

// The cases of the corpus, unchanged and with a marker in their options, through
// serve of each shim: the program does what its decoder answers.
func TestCorpus(t *testing.T) {
	t.Parallel()
	have := shims(t)
	cases, err := corpus.Load()
	if err != nil {
		t.Fatal(err)
	}
	all := len(cases)
	cases = different(cases)
	distinct := len(cases)
	cases = chosen(cases, e2eSettings(t).Checks)
	say("%d cases of the corpus, %d of them with the same bytes as another; %d of the others are run", all,
		all-distinct, len(cases))
	payloads.add(len(cases))
	for _, c := range cases {
		t.Run(c.Name, func(t *testing.T) {
			t.Parallel()
			defer payloads.step()
			for _, s := range have {
				s.check(t, c.Payload.Description, c.Payload.Bytes)
			}
		})
	}
}

// different returns the cases without those that have the same bytes as an
// earlier one: many recordings of containerd are identical.
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

// allFrom is the number of checks from which on every case of the corpus is run.
const allFrom = 1000

// chosen returns the cases to run: all, or of those of the enumeration of encodings, which
// are the decoder's business and are run in its process, one in a few.
func chosen(cases []corpus.Case, checks int) (list []corpus.Case) {
	const oneOf = 6
	enumerated := 0
	for _, c := range cases {
		if slices.ContainsFunc(c.Flags, func(f string) bool {
			return slices.Contains([]string{"Damaged", "Element",
				"Free", "Text"}, f)
		}) {
			if enumerated++; checks < allFrom && enumerated%oneOf != 0 {
				continue
			}
		}
		list = append(list, c)
	}
	return list
}

// check compares what serve does with a payload, and with the payload with a
// marker in its options.
func (s installed) check(t *testing.T, description string, b []byte) {
	t.Helper()
	s.compare(t, description, b)
	if marked := s.marked(t, description, b); marked != nil {
		s.compare(t, description+", marked", marked)
	}
}

// compare fails t unless serve does what it must do with a payload.
func (s installed) compare(t *testing.T, description string, b []byte) {
	t.Helper()
	e := s.expect(b)
	got, _ := s.serve(t, b)
	if !e.met(got) {
		s.differs(t, "serve", description, b, e, got)
	}
}

// differs fails t because the shim did not behave as expected.
func (s installed) differs(t *testing.T, command, description string, b []byte, e expectation, got Behavior) {
	t.Helper()
	difference{shim: s, command: command, finding: e.finding, want: e.String() + "\nbecause " + e.decoder,
		got: got.String(), payload: b, description: description}.fail(t)
}

// marked returns the payload with a marker in what may be its options, nil if
// nothing in it may be options. If the decoder answers options, it must answer
// the marker in them, too: otherwise no output would show which options arrived.
func (s installed) marked(t *testing.T, description string, b []byte) []byte {
	t.Helper()
	with := marks(b)
	for _, m := range with {
		if o := s.answer(m); o.Kind == contract.Options && o.Options.(*options.Options).GetLogLevel() == marker {
			return m
		}
	}
	if s.answer(b).Kind == contract.Options {
		t.Errorf("%s: no marker can be put into these options", description)
	}
	if len(with) == 0 {
		return nil
	}
	return with[0]
}

// TestGenerated is TestCorpus for payloads that depend on the seed.
func TestGenerated(t *testing.T) {
	t.Parallel()
	have, s := shims(t), e2eSettings(t)
	cases, err := corpus.Load()
	if err != nil {
		t.Fatal(err)
	}
	payloads.add(s.Checks)
	for i := range s.Checks {
		t.Run(strconv.Itoa(i), func(t *testing.T) {
			t.Parallel()
			defer payloads.step()
			src := rand.New(rand.NewSource(int64(s.Seed)<<32 + int64(i)))
			made := generate(src, i, cases)
			for _, shim := range have {
				shim.check(t, fmt.Sprintf("SEED=%d, number %d: %s", s.Seed, i, made.Description), made.Bytes)
			}
		})
	}
}

// generate returns the i-th payload: the kinds alternate.
func generate(src *rand.Rand, i int, cases []corpus.Case) grammar.Payload {
	switch i % 6 {
	case 0:
		return grammar.RunHCS.Minimal(src)
	case 1:
		return grammar.RunHCS.Foreign(src)
	case 2:
		return grammar.RunHCS.Malformed(src)
	case 3:
		return changed(src, cases)
	}
	return grammar.RunHCS.Valid(src, grammar.AllVariations)
}

// changed returns a case of the corpus with one byte changed, with some bytes
// removed, or with another case appended.
func changed(src *rand.Rand, cases []corpus.Case) grammar.Payload {
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
	return grammar.Payload{Bytes: b, Description: c.Description + ", changed"}
}

// A marker can be put into all options of the corpus. Otherwise TestCorpus could
// not distinguish options from defaults.
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
			return o.Kind == contract.Options && o.Options.(*options.Options).GetLogLevel() == marker
		}) {
			t.Errorf("%s: no marker can be put into its options", c.Name)
		}
		marked++
	}
	if marked == 0 {
		t.Error("the corpus has no options")
	}
}
