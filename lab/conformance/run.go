package conformance

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"slices"
	"time"

	"shimfuzz/internal/contract"
	"shimfuzz/internal/verdict"
	"shimfuzz/lab/conformance/process"
	"shimfuzz/lab/conformance/protocol"
)

// maxHangs is the number of hangs in a row after which the run ends.
const maxHangs = 5

// maxCombinations is how many combinations of elements become failures of their own. A
// reader that fails on more has no use for their names.
const maxCombinations = 1000

// run is the state of asking a reader.
type run struct {
	subject *subject
	reader  *process.Reader
	level   string
	listed  map[string]bool // names of the expected failures

	tests        map[string]*test
	failing      map[string]*explained // by place
	payloads     map[string]int        // by level
	excused      map[string]int        // answers, by finding
	combinations int                   // that fail by themselves
	unlisted     int                   // of those, beyond maxCombinations
	hangs        int                   // in a row
	asked        int
	told         time.Time
}

// test is a test and what has become of it.
type test struct {
	name, level string
	wrong       int // payloads
	failure     *failure
}

// failure is one wrong answer.
type failure struct {
	payload   []byte
	want, got contract.Outcome
	verdict   verdict.Verdict
	like      *failure // that has the same cause, if this one was not looked at further
	cause     *cause
	file      string // that keeps the payload
}

// explained are the elements of a place that fail by themselves or together.
type explained struct {
	alone    map[string]bool
	together [][]string
}

func newRun(s *subject, r *process.Reader, level string) *run {
	return &run{subject: s, reader: r, level: level, tests: make(map[string]*test),
		failing:  make(map[string]*explained),
		payloads: make(map[string]int), excused: make(map[string]int), told: time.Now()}
}

// isRun reports whether tests of a level are run.
func (r *run) isRun(level string) bool {
	return slices.Index(Levels, level) <= slices.Index(Levels, r.level)
}

// all asks the questions of all checks. The right answers are computed while the reader
// is asked those before.
func (r *run) all(ctx context.Context, checks []check) error {
	batches := make(chan []question, 4)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		defer close(batches)
		for _, c := range checks {
			if r.isRun(c.level) && !r.prepare(ctx, c, batches) {
				return
			}
		}
	}()
	for batch := range batches {
		if err := r.batch(ctx, batch); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// prepare sends the questions of a check in batches, with their right answers. It
// returns false if ctx has ended.
func (r *run) prepare(ctx context.Context, c check, batches chan<- []question) bool {
	const most, mostBytes = 1000, 1 << 20
	var batch []question
	size := 0
	flush := func() bool {
		if len(batch) == 0 {
			return true
		}
		select {
		case batches <- batch:
			batch, size = nil, 0
			return true
		case <-ctx.Done():
			return false
		}
	}
	for q := range c.questions {
		q.level, q.want = c.level, r.subject.want(q.payload)
		if len(q.want.Or) > 0 {
			q.level = Freedoms
		}
		if !r.isRun(q.level) {
			continue
		}
		batch = append(batch, q)
		size += len(q.payload)
		if (len(batch) == most || size > mostBytes) && !flush() {
			return false
		}
	}
	return flush()
}

// batch asks some questions and judges the answers.
func (r *run) batch(ctx context.Context, batch []question) error {
	payloads := make([][]byte, len(batch))
	for i, q := range batch {
		payloads[i] = q.payload
	}
	answers, err := r.ask(ctx, payloads)
	if err != nil {
		return err
	}
	for i, q := range batch {
		r.judge(q, answers[i])
	}
	r.progress("at " + batch[len(batch)-1].level + "/" + batch[len(batch)-1].place)
	return nil
}

// ask returns the reader's answers. The error ends the run: one of the protocol, a
// reader that cannot be run or hangs too often, or an interrupt.
func (r *run) ask(ctx context.Context, payloads [][]byte) ([]contract.Outcome, error) {
	r.asked += len(payloads)
	outcomes := make([]contract.Outcome, 0, len(payloads))
	err := r.reader.AskAll(payloads, func(_ int, a protocol.Answer) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		o, err := r.outcome(a)
		outcomes = append(outcomes, o)
		return err
	})
	return outcomes, err
}

// outcome returns the next answer as the contract names it.
func (r *run) outcome(a protocol.Answer) (contract.Outcome, error) {
	if r.hangs++; a.Outcome != process.Hang {
		r.hangs = 0
	}
	switch {
	case a.Outcome == protocol.Unable:
		return contract.Outcome{}, fmt.Errorf("the reader cannot be run here: %s", a.Detail)
	case r.hangs == maxHangs:
		return contract.Outcome{}, fmt.Errorf("the reader has hung %d times in a row", r.hangs)
	}
	return r.subject.outcome(a)
}

// judge decides on an answer.
func (r *run) judge(q question, got contract.Outcome) {
	r.payloads[q.level]++
	v := r.subject.judge(q.payload, q.want, got)
	if v.Kind == verdict.Known {
		r.excused[v.Finding.Name]++
	}
	combined := len(q.elements) > 1
	if !v.Fails() {
		if !combined || len(r.listed) > 0 && r.listed[q.name()] {
			r.test(q)
		}
		return
	}
	if combined && r.explains(q) {
		return
	}
	if combined && r.tests[q.name()] == nil {
		if r.combinations++; r.combinations > maxCombinations {
			r.unlisted++
			return
		}
	}
	t := r.test(q)
	t.wrong++
	if t.failure == nil || len(q.payload) < len(t.failure.payload) {
		t.failure = &failure{payload: q.payload, want: q.want, got: got, verdict: v}
	}
	r.remember(q)
}

func (r *run) test(q question) *test {
	name := q.name()
	t := r.tests[name]
	if t == nil {
		t = &test{name: name, level: q.level}
		r.tests[name] = t
	}
	return t
}

// remember notes what fails at a place.
func (r *run) remember(q question) {
	e := r.failing[q.place]
	if e == nil {
		e = &explained{alone: make(map[string]bool)}
		r.failing[q.place] = e
	}
	switch len(q.elements) {
	case 0:
	case 1:
		e.alone[q.elements[0]] = true
	default:
		e.together = append(e.together, q.elements)
	}
}

// explains reports whether some of the elements fail without the others.
func (r *run) explains(q question) bool {
	e := r.failing[q.place]
	if e == nil {
		return false
	}
	if slices.ContainsFunc(q.elements, func(name string) bool { return e.alone[name] }) {
		return true
	}
	return slices.ContainsFunc(e.together, func(fewer []string) bool {
		return len(fewer) < len(q.elements) && !slices.ContainsFunc(fewer,
			func(name string) bool { return !slices.Contains(q.elements, name) })
	})
}

// failures are the tests that fail, in the order of their names.
func (r *run) failures() []*test {
	var all []*test
	for _, t := range r.tests {
		if t.failure != nil {
			all = append(all, t)
		}
	}
	slices.SortFunc(all, func(a, b *test) int { return compareNames(a.name, b.name) })
	return all
}

// maxAlike is how many failures that look the same are made small.
const maxAlike = 8

// explain makes the payloads of failures small. Of many that look the same only some are,
// and the others have their cause. If several fields are wrong, it takes a smaller payload
// to learn which of them matters.
func (r *run) explain(ctx context.Context) error {
	alike := make(map[string][]*failure)
	failures := r.failures()
	slices.SortStableFunc(failures, func(a, b *test) int { return len(a.failure.payload) - len(b.failure.payload) })
	for i, t := range failures {
		f := t.failure
		key := causeOf(r.subject, f).String()
		alike[key] = append(alike[key], f)
		if len(alike[key]) > maxAlike && len(differences(f.want, f.got)) < 2 {
			f.like = alike[key][0]
			continue
		}
		if err := r.shrink(ctx, f); err != nil {
			return err
		}
		r.progress(fmt.Sprintf("looking for the causes of %d failures, %d to go", len(failures), len(failures)-i-1))
	}
	return nil
}

// progress says every few seconds what is being done.
func (r *run) progress(what string) {
	if time.Since(r.told) > 5*time.Second {
		r.told = time.Now()
		fmt.Fprintf(os.Stderr, "  %d payloads so far, %s\n", r.asked, what)
	}
}

// causes are those of the failures, the one of the most tests first.
func (r *run) causes() []*cause {
	var causes []*cause
	for _, t := range r.failures() {
		c := causeOf(r.subject, cmp.Or(t.failure.like, t.failure))
		i := slices.IndexFunc(causes, func(other *cause) bool { return other.String() == c.String() })
		if i < 0 {
			i = len(causes)
			causes = append(causes, c)
		}
		causes[i].add(t)
	}
	slices.SortStableFunc(causes, func(a, b *cause) int { return len(b.tests) - len(a.tests) })
	return causes
}
