package mutants

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"shimfuzz/internal/gocmd"
	"shimfuzz/internal/settings"
	"shimfuzz/lab/mutants/handwritten"
	"shimfuzz/lab/workspace"
)

// layer is a part of the suite that can kill a mutant.
type layer struct {
	name  string
	pkg   string // whose tests these are
	args  []string
	many  *handwritten.Mutants // not nil: one process runs it on many mutants
	brief bool                 // short enough for those that are known to be equivalent, too
}

const (
	cheapTests  = "^(TestCorpus|TestFindings)$"
	enumerating = "^TestWalk"
	ownTests    = "^(TestFindings|TestWalkPairs|TestWalkReads)$" // of these, that no process runs on many mutants
	otherTests  = cheapTests + "|" + enumerating + "|" + costlyTests
	costlyTests = "^(TestLinear|TestSmallIsCheap|TestLarge)$"
	// mutantTimeout is how long a layer may take that takes 20 s on the original.
	mutantTimeout = "180s"
	// enumeratedPart is how much of the enumeration comes first: one payload in that many,
	// others each day. Those that are known to be equivalent go through no more.
	enumeratedPart = 100
	manyMutants    = "-test.run=^TestMutants$"
	writtenLayer   = "the check that its row names"
)

var (
	// layers are in the order in which they run on what the ones before let live: those
	// that kill most for their time first.
	layers = []layer{
		{name: "corpus", pkg: "properties", args: []string{manyMutants}, many: new(handwritten.Mutants), brief: true},
		{name: "a part of the enumeration", pkg: "properties", args: []string{manyMutants},
			many: &handwritten.Mutants{Enumerated: true, Part: enumeratedPart}, brief: true},
		{name: "unit tests", pkg: "internal/reference", brief: true},
		{name: "fuzz seeds", pkg: "fuzz", args: []string{"-test.run=^Fuzz", "-test.failfast"}, brief: true},
		{name: "properties, few checks", pkg: "properties",
			args: append([]string{"-test.skip=" + otherTests + "|^TestTruncation$", "-test.failfast"},
				rapidArgs("30")...)},
		{name: "costs", pkg: "properties", args: []string{"-test.run=" + costlyTests, "-test.failfast"}},
		{name: "pairs and reads", pkg: "properties", args: []string{"-test.run=" + ownTests, "-test.failfast"}},
		{name: "the enumeration", pkg: "properties", args: []string{manyMutants},
			many: &handwritten.Mutants{Enumerated: true}},
		{name: "properties", pkg: "properties", args: append([]string{"-test.skip=" + otherTests, "-test.failfast"},
			rapidArgs("300")...)},
	}
)

// rapidArgs make rapid do the same checks in each process.
func rapidArgs(checks string) []string {
	return []string{"-rapid.seed=1", "-rapid.checks=" + checks, "-rapid.nofailfile", "-rapid.shrinktime=0s"}
}

// checkLayer is one test of properties, which has to kill a hand-written mutant.
func checkLayer(test string) layer {
	l := layer{name: writtenLayer, pkg: "properties", brief: true}
	switch test {
	case "TestCorpus":
		l.many, l.args = new(handwritten.Mutants), []string{manyMutants}
	case "TestWalkElements", "TestWalkFields", "TestWalkSizes":
		l.many, l.args = &handwritten.Mutants{Enumerated: true}, []string{manyMutants + "/^" + test + "$"}
	default:
		l.args = append([]string{"-test.run=^" + test + "$", "-test.failfast"}, rapidArgs("300")...)
	}
	return l
}

// run runs the suite on mutants.
type run struct {
	*suite
	known  map[string]string // equivalent mutants, with the reason
	choice Choice
	all    []*mutant
	start  time.Time

	sync.Mutex
	shown time.Time // when progress was
}

// run finds out what becomes of each mutant.
func (r *run) run(ctx context.Context) error {
	if err := r.check(ctx); err != nil {
		return err
	}
	var together, alone []*mutant
	written := make(map[string][]*mutant) // by the check
	for _, m := range r.all {
		switch {
		case m.result == isNoProgram:
		case m.check != "":
			written[m.check] = append(written[m.check], m)
		case r.choice.Alone || m.made.Func < 0:
			alone = append(alone, m)
		default:
			together = append(together, m)
		}
	}
	texts, err := schemata(together)
	if err != nil {
		return err
	}
	dir := filepath.Join(r.dir, "together")
	if err := r.compile(ctx, dir, texts); err != nil {
		return fmt.Errorf("the suite with mutants in it does not build: %w", err)
	}
	r.progress("built", true)
	for _, check := range slices.Sorted(maps.Keys(written)) {
		if err := r.layers(ctx, dir, []layer{checkLayer(check)}, withOriginals(written[check])); err != nil {
			return err
		}
	}
	if err := r.layers(ctx, dir, layers, withOriginals(together)); err != nil {
		return err
	}
	return parallel(alone, func(m *mutant) error {
		dir, err := os.MkdirTemp(r.dir, "alone-")
		if err != nil {
			return err
		}
		defer os.RemoveAll(dir)
		if err := r.compile(ctx, dir, map[string][]byte{m.file: m.made.Text}); err != nil {
			return fmt.Errorf("%s: %w", m.id(), err)
		}
		return r.layers(ctx, dir, layers, []*mutant{m})
	})
}

// check marks the mutants that do not compile.
func (r *run) check(ctx context.Context) error {
	c, err := newChecker(ctx, r.suite)
	if err != nil {
		return err
	}
	for _, m := range r.all {
		if m.file == "" {
			continue
		}
		if err := c.check(m.file, m.made.Text); err != nil {
			m.result, m.note = isNoProgram, err.Error()
		}
	}
	r.progress("which are programs", true)
	return ctx.Err()
}

// withOriginals adds the unchanged decoders, which nothing may kill.
func withOriginals(all []*mutant) []*mutant {
	for _, decoder := range []string{"hcsshim", "create", "reference"} {
		if slices.ContainsFunc(all, func(m *mutant) bool { return m.decoder == decoder }) {
			original := &mutant{source: "the original", name: decoder, decoder: decoder, result: isUnknown}
			all = append([]*mutant{original}, all...)
		}
	}
	return all
}

// layers runs layers on mutants that are in the same binaries.
func (r *run) layers(ctx context.Context, dir string, layers []layer, living []*mutant) error {
	for _, l := range layers {
		if !slices.ContainsFunc(living, func(m *mutant) bool { return m.number > 0 }) {
			return nil
		}
		if err := r.layer(ctx, dir, l, slices.Clone(living)); err != nil {
			return err
		}
		living = slices.DeleteFunc(living, func(m *mutant) bool { return m.number > 0 && m.result != isUnknown })
		for _, m := range living {
			if m.result != isUnknown {
				return fmt.Errorf("the suite fails on the unchanged %s decoder, so that it would kill anything: %s "+
					"(run make test)", m.decoder, m.test)
			}
		}
	}
	for _, m := range living {
		m.result = isSurvivor
		if reason := r.known[m.id()]; reason != "" {
			m.result, m.note = isEquivalent, reason
		}
	}
	return nil
}

// layer runs one on mutants.
func (r *run) layer(ctx context.Context, dir string, l layer, all []*mutant) error {
	defer r.progress(l.name, true)
	all = slices.DeleteFunc(all, func(m *mutant) bool {
		return !l.brief && r.known[m.id()] != "" || l.pkg == "internal/reference" && m.decoder != "reference"
	})
	if l.many == nil {
		return parallel(all, func(m *mutant) error { return r.single(ctx, dir, l, m) })
	}
	groups := make(map[string][]*mutant)
	for _, m := range all {
		groups[m.decoder] = append(groups[m.decoder], m)
	}
	var chunks [][]*mutant
	for _, of := range groups {
		chunks = slices.AppendSeq(chunks, slices.Chunk(of, (len(of)+runtime.NumCPU()-1)/runtime.NumCPU()))
	}
	slices.SortFunc(chunks, func(a, b []*mutant) int { return len(b) - len(a) })
	return parallel(chunks, func(chunk []*mutant) error {
		for len(chunk) > 0 {
			rest, err := r.many(ctx, dir, l, chunk)
			if err != nil {
				return err
			}
			chunk = rest
		}
		return nil
	})
}

// parallel does something with each of all, as many at a time as there are cores.
func parallel[T any](all []T, do func(T) error) error {
	var g errgroup.Group
	g.SetLimit(runtime.NumCPU())
	for _, each := range all {
		g.Go(func() error { return do(each) })
	}
	return g.Wait()
}

// many runs a layer on mutants in one process. It returns those that are left when one
// has ended the process.
func (r *run) many(ctx context.Context, dir string, l layer, all []*mutant) (rest []*mutant, err error) {
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	some := *l.many
	some.Seed = r.choice.Seed
	byNumber := make(map[int]*mutant)
	for _, m := range all {
		some.All = append(some.All, m.choice())
		byNumber[m.number] = m
	}
	cmd := r.test(ctx, dir, l, all[0].decoder, handwritten.Settings{Many: &some}, "0")
	var running *mutant
	ended, hangs, said := false, false, ""
	err = gocmd.Lines(cmd, func(line string) {
		word, found := strings.CutPrefix(line, handwritten.Line)
		if !found {
			ended = ended || line == handwritten.End
			hangs = hangs || strings.Contains(line, "HANG: ")
			said += line[:min(len(line), max(0, 2000-len(said)))] + "\n"
			return
		}
		number, what, _ := strings.Cut(word, " ")
		n, _ := strconv.Atoi(number)
		switch running = byNumber[n]; {
		case what == handwritten.Lives:
			delete(byNumber, n)
		case what != handwritten.Runs:
			r.kill(running, l, what, false)
			delete(byNumber, n)
		}
		r.progress(l.name, false)
	})
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case ended && err != nil || !ended && running == nil:
		return nil, fmt.Errorf("%s: %w:\n%s", l.name, err, said)
	case ended:
		return nil, nil
	}
	r.kill(running, l, "(process ended)", hangs)
	delete(byNumber, running.number)
	return slices.DeleteFunc(slices.Clone(all), func(m *mutant) bool { return byNumber[m.number] == nil }), nil
}

// test prepares a test process of a layer.
func (r *run) test(ctx context.Context, dir string, l layer, decoder string, set handwritten.Settings,
	timeout string) *exec.Cmd {
	text, _ := json.Marshal(set) // numbers and strings always have a JSON form
	cmd := r.Command(ctx, settings.Test{Build: dir, Decoder: decoder, Lab: string(text)}, testBinary(dir, l.pkg),
		append(slices.Clone(l.args), "-test.timeout="+timeout)...)
	cmd.Dir = filepath.Join(r.Root, l.pkg)
	return cmd
}

func (r *run) kill(m *mutant, l layer, test string, hangs bool) {
	r.Lock()
	defer r.Unlock()
	m.result, m.layer, m.test = isKilled, l.name, test
	if hangs {
		m.result, m.test = isTimedOut, "(hang)"
	}
}

// single runs a layer on one mutant in a process of its own.
func (r *run) single(ctx context.Context, dir string, l layer, m *mutant) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	cmd := r.test(ctx, dir, l, m.decoder, handwritten.Settings{Choice: m.choice()}, mutantTimeout)
	out, failed, err := workspace.Try(cmd)
	if err := errors.Join(ctx.Err(), err); err != nil {
		return err
	}
	if failed {
		test, hangs := killerIn(out)
		r.kill(m, l, test, hangs)
	}
	r.progress(l.name, false)
	return nil
}

// killerIn reads from a failed test binary's output which test failed first. A process
// that ended before it could say so was ended by the mutant: the unchanged decoders go
// through all of this before it.
func killerIn(out string) (test string, hangs bool) {
	hangs = strings.Contains(out, "panic: test timed out") || strings.Contains(out, "HANG: ")
	for line := range strings.Lines(out) {
		if name, found := strings.CutPrefix(line, "--- FAIL: "); found {
			return strings.Fields(name)[0], hangs
		}
	}
	return "(process ended)", hangs
}

// progress prints how far the run is, every ten seconds, or now.
func (r *run) progress(doing string, now bool) {
	r.Lock()
	defer r.Unlock()
	if !now && time.Since(r.shown) < 10*time.Second {
		return
	}
	r.shown = time.Now()
	n := func(results ...result) int {
		return count(r.all, func(m *mutant) bool { return slices.Contains(results, m.result) })
	}
	fmt.Printf("  %4.0f s  %-28s %d of %d are left, %d killed, %d survived\n", time.Since(r.start).Seconds(), doing,
		n(isUnknown), len(r.all), n(isKilled, isTimedOut), n(isSurvivor, isEquivalent))
}
