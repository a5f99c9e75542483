package conformance

import (
	"context"
	"fmt"
	"os"
	"slices"
	"time"

	"shimfuzz/internal/contract"
	"shimfuzz/lab/conformance/process"
	"shimfuzz/lab/conformance/protocol"
	"shimfuzz/lab/conformance/smaller"
)

// maxHangs is the number of hangs in a row after which the run ends.
const maxHangs = 5

// maxCombinations is how many combinations of tokens become failures of their own. A
// reader that fails on more has no use for their names.
const maxCombinations = 1000

// run is the state of asking a reader.
type run struct {
	*subject
	reader *process.Reader
	level  string
	every  int // of that many questions one is asked
	list   *expected

	tests        map[string]*Test
	failing      map[string][][]string // by place, the tokens that fail by themselves or together
	payloads     map[string]int        // by level
	excused      map[string]int        // answers, by finding or defect
	combinations int                   // that fail by themselves
	unlisted     int                   // of those, beyond maxCombinations
	hangs        int                   // in a row
	asked        int
	told         time.Time
}

func newRun(s *subject, reader *process.Reader, c *Settings, list *expected) *run {
	r := &run{subject: s, reader: reader, level: c.Level, every: 1, list: list, tests: make(map[string]*Test),
		failing: make(map[string][][]string), payloads: make(map[string]int), excused: make(map[string]int),
		told: time.Now()}
	if c.Longest > 1 {
		r.every = max(1, s.engine.Every)
	}
	return r
}

// isRun reports whether tests of a level are run.
func (r *run) isRun(level string) bool {
	return slices.Index(Levels, level) <= slices.Index(Levels, r.level)
}

// all asks the questions of all checks.
func (r *run) all(ctx context.Context, checks []check) error {
	const most, mostBytes = 1000, 1 << 20
	made := 0
	for _, c := range checks {
		if !r.isRun(c.level) {
			continue
		}
		var batch []question
		size := 0
		for q := range c.questions {
			if made++; made%r.every != 0 {
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
	payloads := make([][]byte, len(batch))
	for i, q := range batch {
		payloads[i] = q.payload
	}
	return r.ask(ctx, payloads, func(i int, got contract.Outcome) {
		f, q := r.judge(batch[i].payload, got), batch[i]
		f.ids = q.ids
		if len(f.want.Or) > 0 {
			q.level = Freedoms
		}
		if r.isRun(q.level) {
			r.answered(q, f)
		}
		r.progress("at " + q.level + "/" + q.place)
	})
}

// ask passes on the reader's answers. The error ends the run: one of the protocol, a
// reader that cannot be run or hangs too often, or an interrupt.
func (r *run) ask(ctx context.Context, payloads [][]byte, answered func(int, contract.Outcome)) error {
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
			answered(i, got)
		}
		return err
	})
}

// answered notes what has become of a question.
func (r *run) answered(q question, f *failure) {
	r.payloads[q.level]++
	for _, name := range f.excuses {
		r.excused[name]++
	}
	combined := len(q.tokens) > 1
	switch {
	case !f.fails():
		if !combined || r.list.has(q.name()) {
			r.test(q)
		}
		return
	case combined && r.explains(q):
		return
	case combined && r.tests[q.name()] == nil:
		if r.combinations++; r.combinations > maxCombinations {
			r.unlisted++
			return
		}
	}
	t := r.test(q)
	if t.Payloads++; t.Payloads == 1 && len(q.tokens) > 0 {
		r.failing[q.place] = append(r.failing[q.place], q.tokens)
	}
	if t.failure == nil || len(q.payload) < len(t.failure.payload) {
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

func isSubset[T comparable](some, all []T) bool {
	return !slices.ContainsFunc(some, func(e T) bool { return !slices.Contains(all, e) })
}

// failures are the tests that fail, in the order of their names.
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

// Bounds on the questions that making payloads smaller takes.
const (
	maxAlike      = 8 // failures that look the same
	maxRounds     = 60
	maxCandidates = 300     // in a round
	maxAsked      = 4 << 20 // bytes in a round
	maxShrunk     = 1 << 17 // bytes of a payload
)

// shrinkAll makes the payloads of failures smaller. Of many that look the same only some
// are, unless several fields are wrong: it takes a smaller payload to learn which of them
// matters.
func (r *run) shrinkAll(ctx context.Context) error {
	alike := make(map[string]int)
	failures := r.failures()
	slices.SortStableFunc(failures, func(a, b *Test) int { return len(a.failure.payload) - len(b.failure.payload) })
	for i, t := range failures {
		f := t.failure
		key := f.cause()
		if alike[key]++; alike[key] > maxAlike && len(differences(f.want, f.got)) < 2 {
			continue
		}
		for range maxRounds {
			smaller, err := r.smaller(ctx, t.failure)
			if err != nil {
				return err
			}
			if smaller == nil {
				break
			}
			t.failure = smaller
		}
		r.progress(fmt.Sprintf("looking for the causes of %d failures, %d to go", len(failures), len(failures)-i-1))
	}
	return nil
}

// smaller returns a failure like f with a smaller payload, nil if there is none. What is
// right for that payload is the reference's to say.
func (r *run) smaller(ctx context.Context, f *failure) (*failure, error) {
	if len(f.payload) > maxShrunk {
		return nil, nil
	}
	var candidates [][]byte
	size := 0
	for c := range smaller.Of(f.payload) {
		candidates = append(candidates, c)
		if size += len(c); len(candidates) == maxCandidates || size > maxAsked {
			break
		}
	}
	// The smallest that fails in the same way; at the same size, the first.
	slices.SortStableFunc(candidates, func(a, b []byte) int { return len(a) - len(b) })
	var found *failure
	err := r.ask(ctx, candidates, func(i int, got contract.Outcome) {
		smaller := r.judge(candidates[i], got)
		if smaller.ids = f.ids; found == nil && smaller.isLike(f) {
			found = smaller
		}
	})
	return found, err
}

// isLike reports whether f is a wrong answer of the same kind as an earlier one: in the
// place of the same ones, and with no other fields wrong.
func (f *failure) isLike(earlier *failure) bool {
	return f.fails() && kinds(f.want) == kinds(earlier.want) && f.got.Kind == earlier.got.Kind &&
		f.verdict.Finding == earlier.verdict.Finding &&
		isSubset(differences(f.want, f.got), differences(earlier.want, earlier.got))
}
