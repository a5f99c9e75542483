package conformance

import (
	"context"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/reflect/protoreflect"

	"shimfuzz/corpus"
	"shimfuzz/internal/contract"
	"shimfuzz/internal/grammar"
	"shimfuzz/internal/reference"
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
	*Settings
	reader         *process.Reader
	options        protoreflect.MessageType // that it reads
	known, excused findings.List
	engine         bugs.Engine // whose defects are excused
	list           *expected
	cases          []corpus.Case
	grammar        *grammar.Grammar

	tests        map[string]*Test
	failing      map[string][][]string // by place, the tokens that fail by themselves or together
	payloads     map[string]int        // by level
	explained    map[string]int        // wrong answers, by the finding or defect that excuses them
	combinations int                   // that fail by themselves
	unlisted     int                   // of those, beyond maxCombinations
	hangs        int                   // in a row
	asked        int
	told         time.Time
}

// newRun prepares to ask the reader that the settings name. Of one that make -C lab matrix
// has not built nothing is known, unless the user says whose findings it has; it is
// assumed to link what its release links.
func newRun(s *Settings) (r *run, err error) {
	r = &run{Settings: s, engine: bugs.Engines[s.Engine], list: new(expected), tests: make(map[string]*Test),
		failing: make(map[string][][]string), payloads: make(map[string]int), explained: make(map[string]int),
		told: time.Now()}
	if r.options, err = optionstype.Find(s.Type); err != nil {
		return nil, fmt.Errorf("OPTIONS: %w", err)
	}
	r.grammar = grammar.Of(r.options)
	if r.cases, err = corpus.Load(); err != nil {
		return nil, err
	}
	if s.Name != "" {
		r.known = findings.All.Of(s.Name, s.Version)
	}
	if s.test.Findings == "" {
		return r, nil
	}
	r.excused, err = findings.All.Named(s.test.Findings)
	r.excused.Released = true
	if s.Name == "" {
		r.known = r.excused
	}
	return r, err
}

// want is the right answer to a payload.
func (r *run) want(payload []byte) contract.Outcome {
	if r.options == optionstype.RunHCS || r.Marked {
		return findings.Want(r.Name, r.Version, payload)
	}
	return reference.TypeOf(r.options).Want(contract.Stdin, payload)
}

// outcome is what the reader answered, as far as it can tell.
func (r *run) outcome(a protocol.Answer) (contract.Outcome, error) {
	switch {
	case r.Marked:
		return process.Outcome(a, nil)
	case r.options == optionstype.RunHCS:
		o, err := process.Outcome(a, r.options)
		return findings.AsKnown(r.Name, r.Version, o), err
	}
	return process.Outcome(a, r.options)
}

// failure is the answer to a question, which is wrong if it fails.
type failure struct {
	question
	want, got contract.Outcome
	verdict   verdict.Verdict
	excuses   []string // names of the findings or defects that explain a wrong answer
	file      string   // that keeps the payload
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

// all asks the questions of all checks, of a slow engine one in so many.
func (r *run) all(ctx context.Context, checks []check) error {
	const most, mostBytes = 1000, 1 << 20
	every, made := 1, 0
	if r.Longest > 1 {
		every = max(1, r.engine.Every)
	}
	for _, c := range checks {
		if !r.isRun(c.level) {
			continue
		}
		var batch []question
		size := 0
		for q := range c.questions {
			if made++; made%every != 0 {
				continue
			}
			q.level = c.level
			batch = append(batch, q)
			if size += len(q.payload); len(batch) < most && size < mostBytes {
				continue
			}
			if err := r.batch(ctx, batch); err != nil {
				return err
			}
			batch, size = nil, 0
		}
		if err := r.batch(ctx, batch); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// batch asks some questions. The right answers are computed while the reader goes on.
func (r *run) batch(ctx context.Context, batch []question) error {
	return r.ask(ctx, batch, func(q question, got contract.Outcome) {
		f := r.judge(q, got)
		if r.isRun(f.level) {
			r.answered(f)
		}
		r.progress("at " + f.level + "/" + f.place)
	})
}

// ask passes on the reader's answers. The error ends the run: one of the protocol, a
// reader that cannot be run or hangs too often, or an interrupt.
func (r *run) ask(ctx context.Context, all []question, answered func(question, contract.Outcome)) error {
	payloads := make([][]byte, len(all))
	for i, q := range all {
		payloads[i] = q.payload
	}
	return r.reader.AskAll(payloads, func(i int, a protocol.Answer) error {
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
		got, err := r.outcome(a)
		if err == nil {
			answered(all[i], got)
		}
		return err
	})
}

// answered notes what has become of a question.
func (r *run) answered(f *failure) {
	r.payloads[f.level]++
	for _, name := range f.excuses {
		r.explained[name]++
	}
	combined := len(f.tokens) > 1
	switch {
	case !f.fails():
		if !combined || len(r.list.numbers) > 0 && r.list.numbers[f.name()] > 0 {
			r.test(f.question)
		}
		return
	case combined && r.explains(f.question):
		return
	case combined && r.tests[f.name()] == nil:
		if r.combinations++; r.combinations > maxCombinations {
			r.unlisted++
			return
		}
	}
	t := r.test(f.question)
	if t.Payloads++; t.Payloads == 1 && len(f.tokens) > 0 {
		r.failing[f.place] = append(r.failing[f.place], f.tokens)
	}
	if t.failure == nil || len(f.payload) < len(t.failure.payload) {
		t.failure = f
	}
}

func (r *run) test(q question) *Test {
	name := q.name()
	if r.tests[name] == nil {
		r.tests[name] = &Test{Name: name, Level: q.level}
	}
	return r.tests[name]
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
	return slices.SortedFunc(maps.Values(r.tests), func(a, b *Test) int { return compareNames(a.Name, b.Name) })
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
