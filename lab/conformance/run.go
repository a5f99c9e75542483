package conformance

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/reflect/protoreflect"

	"shimfuzz/corpus"
	"shimfuzz/internal/contract"
	"shimfuzz/internal/gocmd"
	"shimfuzz/internal/grammar"
	"shimfuzz/internal/verdict"
	"shimfuzz/lab/bugs"
	"shimfuzz/lab/compat/findings"
	"shimfuzz/lab/conformance/optionstype"
	"shimfuzz/lab/conformance/process"
	"shimfuzz/lab/conformance/protocol"
)

// maxHangs is the number of hangs in a row after which the run ends.
const maxHangs = 5

// maxCombinations is how many combinations of tokens become failures of their own. A
// reader that fails on more has no use for their names.
const maxCombinations = 1000

// run is the state of asking a reader.
type run struct {
	Report
	dir            string // of its files
	reader         *process.Reader
	options        protoreflect.MessageType // that it reads
	known, excused findings.List
	engine         bugs.Engine    // whose defects are excused
	list           []*line        // of expected failures
	chosen         *regexp.Regexp // the names of the tests to run
	outdated       []string       // what is no longer true of these
	cases          []corpus.Case
	grammar        *grammar.Grammar
	ids            func(name string) string // of a case

	tests        map[string]*Test
	failing      map[string][][]string // by place, the tokens that fail by themselves or together
	combinations int                   // that fail by themselves
	hangs        int                   // in a row
	asked        int
	told         time.Time
}

// start starts a reader, and asks for its answer to no bytes at all. The error is one line for
// a program that is not a reader. Of one that make -C lab matrix has not built nothing is
// known, unless the user says whose findings it has.
func start(s *Settings) (r *run, err error) {
	r = &run{Report: Report{Format: 2, Settings: s, Excused: make(map[string]int), Problems: []string{},
		Causes: []*Cause{}, Failures: []*Test{}}, // none are a list, too
		engine: bugs.Engines[s.Engine], tests: make(map[string]*Test),
		failing: make(map[string][][]string), told: time.Now(),
		reader: &process.Reader{Command: strings.Fields(s.Reader), Limit: process.Limit}}
	if r.options, err = optionstype.Find(s.Options); err != nil {
		return nil, fmt.Errorf("OPTIONS: %w", err)
	}
	r.grammar = grammar.Of(r.options)
	r.ids = idsOf(r.grammar)
	if r.list, err = readExpected(s.Expected, s.Update); err != nil {
		return nil, err
	}
	if s.Update && s.Only != "" {
		return nil, errors.New("UPDATE=1 writes the list of all tests: leave out TEST")
	}
	r.chosen = named(s.Only)
	if strings.HasPrefix(s.Only, Required+"/") {
		s.Level = Required // what is asked at the other levels is of no such test
	}
	for _, level := range Levels[:levelOf(s.Level)+1] {
		r.Levels = append(r.Levels, &Counts{Level: level})
	}
	if r.cases, err = corpus.Load(); err != nil {
		return nil, err
	}
	if s.Test.Findings != "" {
		r.excused, _ = findings.All.Named(s.Test.Findings) // make -C lab has refused others
		r.excused.Released = true                          // it is assumed to link what its release links
	}
	r.known = findings.All.Of(s.Name, s.Version)
	a, err := r.reader.Ask(nil)
	if err == nil && (a.Outcome == process.Hang || a.Outcome == protocol.Panic || a.Outcome == protocol.Unable) {
		r.reader.Close()
		err = fmt.Errorf("reader %s: %s, asked for its answer to no bytes at all (is it a reader? "+
			"docs/conformance.md has the protocol)", s.Reader, gocmd.OneLine(string(a.Detail)))
	}
	return r, err
}

// want is the right answer to a payload.
func (r *run) want(payload []byte) contract.Outcome {
	return findings.Want(r.options, r.Name, r.Version, payload)
}

// failure is the answer to a question, which is wrong if it fails.
type failure struct {
	question
	want, got contract.Outcome
	verdict   verdict.Verdict
	excuses   []string // names of the findings or defects that explain a wrong answer
}

// fails reports whether the answer is wrong and nothing excuses it.
func (f *failure) fails() bool { return f.verdict.Fails() && len(f.excuses) == 0 }

// judge decides on the answer to a question.
func (r *run) judge(q question, got contract.Outcome) *failure {
	f := &failure{question: q, want: r.want(q.payload), got: got}
	f.verdict = verdict.Of(grammar.Payload{Bytes: q.payload, Want: f.want}, got, r.known, r.excused)
	switch {
	case f.verdict.Kind == verdict.Known:
		f.excuses = []string{f.verdict.Finding.Name}
	case f.verdict.Fails():
		for _, d := range r.engine.Explain(q.payload, got) {
			f.excuses = append(f.excuses, d.Name)
		}
	}
	if len(f.want.Or) > 0 {
		f.level = Freedoms
	}
	return f
}

// isRun reports whether tests of a level, or of that which a name begins with, are run.
func (r *run) isRun(level string) bool { return levelOf(level) <= levelOf(r.Level) }

// levelOf returns the number of the level that a test's name begins with, -1 for none.
func levelOf(name string) int {
	level, _, _ := strings.Cut(name, "/")
	return slices.Index(Levels, level)
}

// all asks the questions of checks, of a slow engine one in so many. The right answers
// are computed while the reader goes on.
func (r *run) all(ctx context.Context, checks func(ask func(question))) (err error) {
	const most, mostBytes = 1000, 1 << 20
	every, made, size := 1, 0, 0
	if r.Longest > 1 {
		every = max(1, r.engine.Every)
	}
	var batch []question
	flush := func() {
		err = r.ask(ctx, batch, r.answered)
		batch, size = nil, 0
	}
	checks(r.part(func(q question) {
		if made++; err != nil || made%every != 0 {
			return
		}
		batch = append(batch, q)
		if size += len(q.payload); len(batch) == most || size >= mostBytes {
			flush()
		}
	}))
	if err == nil {
		flush()
	}
	maps.DeleteFunc(r.tests, func(name string, _ *Test) bool { return r.Only != "" && !r.chosen.MatchString(name) })
	if err == nil && !slices.ContainsFunc(r.Levels, func(c *Counts) bool { return c.Payloads > 0 }) {
		err = fmt.Errorf("TEST=%s: no test up to LEVEL=%s has such a name: docs/conformance.md lists them, and a * "+
			"stands for any text", r.Only, r.Level)
	}
	return err
}

// isChosen reports whether a test is one to run.
func (r *run) isChosen(q question) bool { return r.Only == "" || r.chosen.MatchString(q.name()) }

// part asks the tests to run alone. But where a combination of tokens is one of these it asks all that is asked
// in its place: only with the answers to the others it is known to fail by itself.
func (r *run) part(ask func(question)) func(question) {
	if r.Only == "" {
		return ask
	}
	whole, left := make(map[string]bool), make(map[string][]question) // by place
	return func(q question) {
		free := q
		free.level = Freedoms
		mayBe := r.isChosen(q) || r.isChosen(free) // the answer decides
		switch {
		case whole[q.place] || mayBe && len(q.tokens) < 2:
			ask(q)
		case mayBe:
			whole[q.place] = true
			for _, earlier := range append(left[q.place], q) {
				ask(earlier)
			}
		case len(q.tokens) > 0:
			left[q.place] = append(left[q.place], q)
		}
	}
}

// ask passes on the reader's answers. The error ends the run: one of the protocol, a
// reader that cannot be run or hangs too often, or an interrupt.
func (r *run) ask(ctx context.Context, all []question, answered func(question, contract.Outcome)) error {
	payloads := make([][]byte, len(all))
	for i, q := range all {
		payloads[i] = q.payload
	}
	err := r.reader.AskAll(payloads, func(i int, a protocol.Answer) error {
		r.asked++
		if r.hangs++; a.Outcome != process.Hang {
			r.hangs = 0
		}
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case a.Outcome == protocol.Unable:
			return fmt.Errorf("the reader cannot be run here: %s", a.Detail)
		case r.hangs == maxHangs:
			return fmt.Errorf("the reader has hung %d times in a row", r.hangs)
		}
		got, err := findings.Outcome(r.options, r.Name, r.Version, a)
		if q := all[i]; err != nil {
			return fmt.Errorf("%s, %d bytes that start with %.40x: %w", q.name(), len(q.payload), q.payload, err)
		}
		answered(all[i], got)
		return nil
	})
	return cmp.Or(err, ctx.Err())
}

// answered judges the answer to a question of a check, and notes what has become of it.
func (r *run) answered(q question, got contract.Outcome) {
	f := r.judge(q, got)
	r.progress("at " + f.level + "/" + f.place)
	if !r.isRun(f.level) {
		return
	}
	if r.isChosen(f.question) {
		r.Levels[levelOf(f.level)].Payloads++
	}
	for _, name := range f.excuses {
		r.Excused[name]++
	}
	if len(f.tokens) > 1 {
		if !f.fails() || r.explains(f.question) {
			return
		}
		if r.tests[f.name()] == nil {
			if r.combinations++; r.combinations > maxCombinations {
				f.tokens = []string{"more combinations"}
			}
		}
	}
	name := f.name()
	t := r.tests[name]
	if t == nil {
		t = &Test{Name: name}
		r.tests[name] = t
	}
	if !f.fails() {
		return
	}
	if t.Payloads++; t.Payloads == 1 && len(f.tokens) > 0 {
		r.failing[f.place] = append(r.failing[f.place], f.tokens)
	}
	if t.failure == nil || len(f.payload) < len(t.failure.payload) {
		t.failure = f
	}
}

// explains reports whether some of the tokens fail without the others.
func (r *run) explains(q question) bool {
	return slices.ContainsFunc(r.failing[q.place], func(fewer []string) bool {
		return len(fewer) < len(q.tokens) && isSubset(fewer, q.tokens)
	})
}

func isSubset(some, all []string) bool {
	return !slices.ContainsFunc(some, func(s string) bool { return !slices.Contains(all, s) })
}

// sorted are all tests, in the order of their names, first by their levels.
func (r *run) sorted() []*Test {
	return slices.SortedFunc(maps.Values(r.tests), func(a, b *Test) int {
		return cmp.Or(levelOf(a.Name)-levelOf(b.Name), strings.Compare(a.Name, b.Name))
	})
}

// failures are the tests that fail, in that order.
func (r *run) failures() []*Test {
	return slices.DeleteFunc(r.sorted(), func(t *Test) bool { return t.failure == nil })
}

// progress says every few seconds what is being done.
func (r *run) progress(what string) {
	if time.Since(r.told) > 5*time.Second {
		r.told = time.Now()
		fmt.Fprintf(os.Stderr, "  %d payloads so far, %s\n", r.asked, what)
	}
}
