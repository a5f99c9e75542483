package properties

import (
	"bytes"
	"flag"
	"fmt"
	"io"
	"iter"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/Microsoft/hcsshim/cmd/containerd-shim-runhcs-v1/options"

	"shimfuzz/internal/contract"
	"shimfuzz/internal/decoder"
	"shimfuzz/internal/grammar"
	"shimfuzz/internal/reference"
	"shimfuzz/internal/verdict"
	"shimfuzz/internal/verify"
)

// encoded is a sentence with its bytes, which are made once.
type encoded struct {
	grammar.Sentence
	bytes []byte
}

// walker holds decoders to the right answers to many payloads.
type walker struct {
	t        reporter
	input    contract.Input
	decoders []decoder.Decoder

	sync.Mutex
	walked   int
	told     time.Time // when progress was printed
	failures []failure
}

// reporter is what a walk needs of a testing.T.
type reporter interface {
	verify.TB
	Errorf(format string, args ...any)
}

type failure struct {
	step  grammar.Sentence
	d     decoder.Decoder
	check verify.Check
	got   contract.Outcome
	v     verdict.Verdict
}

// maxFailures ends a walk: a decoder that fails so often fails everywhere. With -failfast one does.
const maxFailures = 500

// all walks, with all processors, reports the failures and adds to the count.
func (w *walker) all(steps iter.Seq[grammar.Sentence]) {
	w.t.Helper()
	batches := make(chan []encoded)
	var wg sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for batch := range batches {
				w.batch(batch)
			}
		})
	}
	const most, mostBytes = 500, 1 << 20
	var batch []encoded
	size := 0
	for s := range steps {
		b := s.Bytes()
		size += len(b)
		if batch = append(batch, encoded{s, b}); len(batch) == most || size >= mostBytes {
			batches <- batch
			batch, size = nil, 0
			if w.stopped() {
				break
			}
		}
	}
	batches <- batch
	close(batches)
	wg.Wait()
	w.report()
	enumerated.Add(int64(w.walked))
}

func (w *walker) stopped() bool {
	w.Lock()
	defer w.Unlock()
	most := maxFailures
	if flag.Lookup("test.failfast").Value.String() == "true" {
		most = 1
	}
	return len(w.failures) >= most
}

// batch asks each decoder for some answers.
func (w *walker) batch(steps []encoded) {
	for _, s := range steps {
		w.step(s, w.check(s))
	}
	w.Lock()
	defer w.Unlock()
	w.walked += len(steps)
	if time.Since(w.told) > 10*time.Second {
		w.told = time.Now()
		fmt.Printf("%s: %d so far\n", w.t.Name(), w.walked)
	}
}

// step asks each decoder for one answer.
func (w *walker) step(s encoded, c verify.Check) {
	for _, d := range w.decoders {
		got := d.Decode(bytes.NewReader(c.Payload.Bytes), c.Payload.Bytes)
		if v := c.Judge(d, got); v.Fails() {
			w.fail(failure{step: s.Sentence, d: d, check: c, got: got, v: v})
		}
	}
}

// check says what is right. The reference is its judge where the tokens do not know it.
func (w *walker) check(s encoded) verify.Check {
	judge, want := reference.Decoder, reference.RunHCS.Want(w.input, s.bytes)
	if w.input == contract.Create {
		judge = reference.CreateDecoder
	}
	c := verify.Check{Guarantee: contract.GuaranteeOf(want.Kind),
		Payload: grammar.Payload{Bytes: s.bytes, Input: w.input, Want: want}}
	if known, ok := grammar.RunHCS.Answer(w.input, s.Top); ok && !contract.SameSet(known, want) {
		w.fail(failure{step: s.Sentence, d: judge, check: c, v: verdict.Verdict{Kind: verdict.Wrong,
			Other: fmt.Sprintf("by its tokens the payload is to give %v, and by the reference %v", known, want)}})
		c.Payload.Want = known
	}
	return c
}

func (w *walker) fail(f failure) {
	w.Lock()
	defer w.Unlock()
	w.failures = append(w.failures, f)
}

// report reports the shortest failure of each cause.
func (w *walker) report() {
	w.t.Helper()
	slices.SortStableFunc(w.failures, func(a, b failure) int {
		if n := len(a.step.Tokens) - len(b.step.Tokens); n != 0 {
			return n
		}
		return len(a.check.Payload.Bytes) - len(b.check.Payload.Bytes)
	})
	const most = 3
	var shown []failure
	for _, f := range w.failures {
		if slices.ContainsFunc(shown, f.hasCauseOf) {
			continue
		}
		if shown = append(shown, f); len(shown) > most {
			continue
		}
		f.check.Payload.Description = f.step.String()
		f.check.File = fmt.Sprintf("%s_%d", w.t.Name(), len(shown))
		w.t.Errorf("%s", f.check.Report(w.t, f.d, f.v, f.got))
	}
	if len(shown) > most {
		w.t.Errorf("and %d other causes, in %d payloads together", len(shown)-most, len(w.failures))
	}
}

// hasCauseOf reports whether another failure explains f: it has no other tokens.
func (f failure) hasCauseOf(other failure) bool {
	if f.d.Name != other.d.Name || f.v.Kind != other.v.Kind || f.v.Finding != other.v.Finding ||
		(f.v.Other == "") != (other.v.Other == "") {
		return false
	}
	if len(f.step.Tokens) == 0 {
		return f.got.Kind == other.got.Kind && f.check.Payload.Want.Kind == other.check.Payload.Want.Kind
	}
	for _, e := range other.step.Tokens {
		if !slices.ContainsFunc(f.step.Tokens, func(g grammar.Token) bool { return g.Name == e.Name }) {
			return false
		}
	}
	return true
}

// A bug is reported once, with the fewest tokens that show it, however many payloads do.
func TestWalkReportsCauses(t *testing.T) {
	tokens := grammar.RunHCS.Tokens(grammar.Options)
	bad := slices.IndexFunc(tokens, func(e grammar.Token) bool { return e.Name == "field 1 of 2^32" })
	buggy := reference.Decoder
	buggy.Name = "buggy"
	buggy.Read = func(r io.Reader) (*options.Options, error) {
		b, err := io.ReadAll(r)
		if bytes.Contains(b, tokens[bad].Bytes) {
			return nil, nil
		}
		opts, _ := reference.ReadOptions(bytes.NewReader(b))
		return opts, err
	}
	place := grammar.RunHCS.Contexts()[slices.IndexFunc(grammar.RunHCS.Contexts(),
		func(p grammar.Context) bool { return p.Name == "Options in a legacy Any" })]
	var reports recorder
	w := &walker{t: &reports, decoders: []decoder.Decoder{buggy}, told: time.Now()}
	w.all(func(yield func(grammar.Sentence) bool) {
		for seq := range grammar.Sequences(tokens[bad-3:bad+3], 3) {
			seq = slices.Clone(seq)
			if !yield(grammar.Sentence{Context: place.Name, Tokens: seq, Top: place.Payload(seq)}) {
				return
			}
		}
	})
	if len(reports) != 1 || !strings.Contains(reports[0], "Options in a legacy Any: [field 1 of 2^32];") {
		t.Errorf("%d reports, want one of [field 1 of 2^32] alone:%s", len(reports), strings.Join(reports, "\n"))
	}
}

// recorder is a reporter that keeps the reports.
type recorder []string

func (*recorder) Helper()                             {}
func (*recorder) Name() string                        { return "TestWalkReportsCauses" }
func (r *recorder) Errorf(format string, args ...any) { *r = append(*r, fmt.Sprintf(format, args...)) }
func (r *recorder) Fatalf(format string, args ...any) { panic(fmt.Sprintf(format, args...)) }
func (*recorder) Replay() string                      { return "" }
