package differential

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"slices"
	"sync"
	"time"

	"shimfuzz/lab/conformance/smaller"

	"shimfuzz/corpus"
	"shimfuzz/internal/contract"
	"shimfuzz/internal/grammar"
	"shimfuzz/internal/reference"
	"shimfuzz/internal/stdin"
	"shimfuzz/lab/conformance/optionstype"
	"shimfuzz/lab/conformance/process"
	"shimfuzz/lab/conformance/protocol"
)

// Config is what is run.
type Config struct {
	Root     string // of the suite
	Seed     int    // that the mutated payloads follow from
	Payloads int    // how many of those
	Engines  []Engine

	walked iter.Seq[[]byte] // before those; nil is everything small
}

const (
	batchSize  = 1000
	batchBytes = 1 << 20
	maxHangs   = 5 // in a row, after which a reader is not asked any more
)

// batch is some payloads that readers are asked at once.
type batch struct {
	payloads  [][]byte
	questions []question // once ready is closed
	ready     chan bool
}

// Run puts all payloads to all engines and prints what they answer. It fails if one of
// them disagrees with the reference and no known defect explains it.
func Run(ctx context.Context, c Config, out io.Writer) error {
	cases, err := corpus.Load()
	if err != nil {
		return err
	}
	if c.walked == nil {
		c.walked = everythingSmall(cases)
	}
	begin := time.Now()
	r := &run{out: out, told: begin}
	var readers sync.WaitGroup
	for _, e := range c.Engines {
		t := &tally{engine: e, known: make(map[string]int), wrong: make(map[string]*disagreement)}
		r.tallies = append(r.tallies, t)
		if e.NotRun != "" {
			continue
		}
		reader, err := process.New(e.Command, c.Root)
		if err != nil {
			return fmt.Errorf("%s: %w", e.Name, err)
		}
		defer reader.Close()
		p := &pipe{tally: t, reader: reader, batches: make(chan *batch, 4)}
		r.pipes = append(r.pipes, p)
		readers.Go(func() { p.answer(ctx) })
	}
	r.all(ctx, c, cases)
	readers.Wait()
	if err := ctx.Err(); err != nil {
		return err
	}
	for _, p := range r.pipes {
		p.shrinkAll(ctx)
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := r.save(c.Root); err != nil {
		return err
	}
	return r.report(time.Since(begin))
}

// run is the state of asking all readers.
type run struct {
	out             io.Writer
	tallies         []*tally
	pipes           []*pipe
	walked, mutated int
	told            time.Time
}

// all makes the payloads and gives them to the readers.
func (r *run) all(ctx context.Context, c Config, cases []corpus.Case) {
	m := newMutator(int64(c.Seed), cases)
	mutated := func(yield func([]byte) bool) {
		for range c.Payloads {
			if !yield(m.next()) {
				return
			}
		}
	}
	r.walked = r.ask(ctx, "walked", c.walked)
	r.mutated = r.ask(ctx, "mutated", mutated)
	for _, p := range r.pipes {
		close(p.batches)
	}
}

// ask gives payloads to the readers in batches, and returns how many. The right answers
// are computed once for all of them, while readers are asked the batches before.
func (r *run) ask(ctx context.Context, what string, payloads iter.Seq[[]byte]) (n int) {
	b, size := new(batch), 0
	flush := func() {
		b.ready = make(chan bool)
		go b.prepare()
		for _, p := range r.pipes {
			p.batches <- b
		}
		b, size = new(batch), 0
		if time.Since(r.told) > 5*time.Second {
			r.told = time.Now()
			fmt.Fprintf(os.Stderr, "  %d payloads so far, %s\n", r.walked+n, what)
		}
	}
	for p := range payloads {
		if ctx.Err() != nil {
			return n
		}
		n++
		b.payloads = append(b.payloads, p)
		if size += len(p); len(b.payloads) == batchSize || size > batchBytes {
			flush()
		}
	}
	flush()
	return n
}

// prepare computes the right answers.
func (b *batch) prepare() {
	defer close(b.ready)
	for _, p := range b.payloads {
		b.questions = append(b.questions, question{p, reference.Want(p)})
	}
}

// pipe gives batches to a reader.
type pipe struct {
	tally   *tally
	reader  *process.Reader
	batches chan *batch
	given   int
	hangs   int // in a row
}

// answer asks the reader all batches. After an error it takes the rest without asking,
// so that the other readers go on.
func (p *pipe) answer(ctx context.Context) {
	for b := range p.batches {
		<-b.ready
		if p.tally.err != nil {
			continue
		}
		p.tally.err = p.ask(ctx, p.share(b.questions), func(q question, got contract.Outcome) {
			if d := p.tally.judge(q, got); d != nil {
				p.tally.keep(d)
			}
		})
	}
}

// share is the part of the questions that the reader is asked.
func (p *pipe) share(all []question) []question {
	every := max(1, p.tally.engine.Every)
	var mine []question
	for _, q := range all {
		if p.given%every == 0 {
			mine = append(mine, q)
		}
		p.given++
	}
	return mine
}

// ask asks some questions.
func (p *pipe) ask(ctx context.Context, questions []question, answered func(question, contract.Outcome)) error {
	all := make([][]byte, len(questions))
	for i, q := range questions {
		all[i] = q.payload
	}
	return p.reader.AskAll(all, func(i int, a protocol.Answer) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		if p.hangs++; a.Outcome != process.Hang {
			p.hangs = 0
		}
		if a.Outcome == protocol.Unable || p.hangs == maxHangs {
			return errors.New(a.Outcome + ": " + string(a.Detail))
		}
		got, err := process.Outcome(a, optionstype.RunHCS)
		if err == nil {
			answered(questions[i], got)
		}
		return err
	})
}

// shrinkAll makes the payloads of the disagreements smaller.
func (p *pipe) shrinkAll(ctx context.Context) {
	for _, d := range p.tally.disagreements() {
		for p.tally.err == nil && p.shrink(ctx, d) {
		}
	}
}

// shrink makes a payload smaller, once. The reference says what is right for the smaller one.
func (p *pipe) shrink(ctx context.Context, d *disagreement) bool {
	const most, mostBytes = 300, 4 << 20
	var candidates []question
	size := 0
	for c := range smaller.Of(d.payload, stdin.Descriptor(contract.Stdin, d.payload), stdin.Inside) {
		if candidates = append(candidates, question{c, reference.Want(c)}); len(candidates) == most {
			break
		}
		if size += len(c); size > mostBytes {
			break
		}
	}
	slices.SortStableFunc(candidates, func(a, b question) int { return len(a.payload) - len(b.payload) })
	scratch := &tally{engine: p.tally.engine, known: make(map[string]int)}
	var smaller *disagreement
	p.tally.err = p.ask(ctx, candidates, func(q question, got contract.Outcome) {
		if s := scratch.judge(q, got); smaller == nil && s != nil && s.String() == d.String() {
			smaller = s
		}
	})
	if smaller == nil {
		return false
	}
	d.question, d.got = smaller.question, smaller.got
	return true
}

// everythingSmall are the corpus and all payloads that are walked, one after the other.
func everythingSmall(cases []corpus.Case) iter.Seq[[]byte] {
	const small = 200 // bytes of a case whose neighbours are walked
	v := grammar.RunHCS
	var walks []iter.Seq[grammar.Sentence]
	for _, place := range v.Contexts() {
		walks = append(walks, v.Sentences(place, 2))
	}
	walks = append(walks, v.Params(), v.Sizes(), grammar.Strings(2))
	for _, c := range cases {
		if c.Size <= small {
			walks = append(walks, grammar.Edits(c.Name, c.Payload.Bytes))
		}
	}
	return func(yield func([]byte) bool) {
		for _, c := range cases {
			if !yield(c.Payload.Bytes) {
				return
			}
		}
		for _, w := range walks {
			for s := range w {
				if !yield(s.Bytes()) {
					return
				}
			}
		}
	}
}
