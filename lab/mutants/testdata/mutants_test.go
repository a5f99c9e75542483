package properties

import (
	"encoding/json"
	"fmt"
	"iter"
	"os"
	"runtime/debug"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"shimfuzz/internal/decoder"
	"shimfuzz/internal/grammar"
	"shimfuzz/internal/handwritten"
	"shimfuzz/internal/verify"
)

// mutants are those of this process that no enumeration has killed so far.
type mutants struct {
	handwritten.Mutants
	batches int
	since   atomic.Int64 // what the process had worked when the one that runs began
}

var living *mutants

var enumerations = []struct {
	name string
	run  func(*testing.T)
}{
	{"TestWalkElements", TestWalkElements}, {"TestWalkFields", TestWalkFields}, {"TestWalkSizes", TestWalkSizes},
	{"TestWalkBytes", TestWalkBytes}, {"TestWalkNeighbours", TestWalkNeighbours},
}

// TestMutants says of each mutant of the settings whether the corpus, or the enumeration, kill
// it. One that ends the process has been named before.
func TestMutants(t *testing.T) {
	var set handwritten.Settings
	if text := verify.Settings().Lab; text != "" {
		if err := json.Unmarshal([]byte(text), &set); err != nil {
			t.Fatal(err)
		}
	}
	m := set.Many
	if m == nil {
		t.Skip("make -C lab mutants runs it")
	}
	living = &mutants{Mutants: *m}
	enumerate = func(w *walker, steps iter.Seq[grammar.Sentence]) { living.hold(w, steps) }
	// A mutant that recurses without end must not take the machine's memory first.
	debug.SetMaxStack(64 << 20)
	living.original()
	go living.watch()
	if m.Enumerated {
		for _, test := range enumerations {
			t.Run(test.name, test.run)
		}
	} else {
		living.replay(t)
	}
	for _, m := range living.All {
		say(m, handwritten.Lives)
	}
	fmt.Println(handwritten.End)
}

// watch ends the process for a mutant that hangs, with what reads its answers, too: it
// takes some milliseconds for the original.
func (l *mutants) watch() {
	for range time.Tick(100 * time.Millisecond) {
		if decoder.ProcessorTime()-time.Duration(l.since.Load()) > verify.MutantLimit {
			fmt.Println("HANG: one mutant has worked for more than", verify.MutantLimit)
			os.Exit(1)
		}
	}
}

// is makes a mutant the decoder, and reports whether the suite fails on it. A panic
// outside the decoders, in the mutated reference, is a failure, too.
func (l *mutants) is(m handwritten.Choice, fails func() bool) (killed bool) {
	l.since.Store(int64(decoder.ProcessorTime()))
	say(m, handwritten.Runs)
	verify.Become(m)
	defer func() {
		killed = killed || recover() != nil
		l.original()
	}()
	return fails()
}

func (l *mutants) original() {
	verify.Become(handwritten.Choice{})
	l.since.Store(1 << 62)
}

func say(m handwritten.Choice, what string) {
	fmt.Printf("%s%d %s\n", handwritten.Line, m.Number, what)
}

// replay holds each mutant to the corpus.
func (l *mutants) replay(t *testing.T) {
	cases := load(t)
	fails := func() bool {
		for _, d := range verify.Decoders() {
			for _, c := range cases {
				check := verify.Check{Guarantee: c.Guarantee, Payload: c.Payload, Reproduces: true}
				if check.Judge(d, decode(d, c.Payload.Bytes)).Fails() {
					return true
				}
			}
		}
		return false
	}
	for _, m := range l.All {
		if l.is(m, fails) {
			say(m, "TestCorpus")
		} else {
			say(m, handwritten.Lives)
		}
	}
	others := len(l.All) > 1
	l.All = nil
	if others && fails() { // it would have killed them; one alone can be in the binary's own code
		t.Error("a mutant has left something behind that breaks the original")
	}
}

// hold holds each mutant to the right answers to many payloads, which are made once for
// all of them. What fails is not reported: the test itself does that.
func (l *mutants) hold(w *walker, steps iter.Seq[grammar.Sentence]) {
	const size = 2000
	var batch []grammar.Sentence
	flush := func() {
		l.batches++
		if l.Part == 0 || l.batches%l.Part == l.Seed%l.Part {
			l.batch(w, batch)
		}
		batch = batch[:0]
	}
	for s := range steps {
		if batch = append(batch, s); len(batch) == size {
			flush()
		}
		if len(l.All) == 0 {
			return
		}
	}
	flush()
}

func (l *mutants) batch(w *walker, steps []grammar.Sentence) {
	var checks []verify.Check
	for _, s := range steps {
		checks = append(checks, w.check(s))
	}
	isJudge := slices.ContainsFunc(w.decoders, verify.IsReference)
	l.All = slices.DeleteFunc(l.All, func(m handwritten.Choice) bool {
		killed := l.is(m, func() bool {
			own := &walker{t: w.t, input: w.input, decoders: w.decoders}
			for i, s := range steps {
				if isJudge && m.Bug == "" { // it says also what is right
					checks[i] = own.check(s)
				}
				if own.step(s, checks[i]); len(own.failures) > 0 {
					return true
				}
			}
			return false
		})
		if killed {
			say(m, strings.TrimPrefix(w.t.Name(), "TestMutants/"))
		}
		return killed
	})
}
