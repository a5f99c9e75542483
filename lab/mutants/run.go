package mutants

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"shimfuzz/fuzz"
	"shimfuzz/internal/gocmd"
	"shimfuzz/internal/hcsshim/extract"
	"shimfuzz/internal/settings"
)

// layer is a part of the suite that can kill a mutant.
type layer struct {
	name   string
	pkg    string // whose tests these are
	args   []string
	many   *settings.Mutants // not nil: one process runs it on many mutants
	brief  bool              // short enough for those that are known to be equivalent, too
	fuzzes bool              // with the engine
}

const (
	cheapTests  = "^(TestCorpus|TestFindings)$"
	walkTests   = "^TestWalk"
	ownTests    = "^(TestFindings|TestWalkPairs|TestWalkReads)$" // of these, that no process runs on many mutants
	otherTests  = cheapTests + "|" + walkTests + "|" + costlyTests
	costlyTests = "^(TestLinear|TestSmallIsCheap|TestLarge)$"
	// mutantExecs is how many executions each target gets to find what no seed has
	// found. They are not guided by coverage: a build for that takes longer than all
	// of them.
	mutantExecs = "20000x"
	// mutantTimeout is how long a layer may take that takes 20 s on the original.
	mutantTimeout = "180s"
	// walksPart is how much of the walks comes first: one payload in that many, others
	// each day. Those that are known to be equivalent go through no more.
	walksPart = 100
)

var (
	// layers are in the order in which they run on what the ones before let live: those
	// that kill most for their time first.
	layers = []layer{
		{name: "corpus", pkg: "properties", many: new(settings.Mutants), brief: true},
		{name: "a part of the walks", pkg: "properties", many: &settings.Mutants{Walk: true, Part: walksPart},
			brief: true},
		{name: "unit tests", pkg: "internal/reference", brief: true},
		{name: "fuzz seeds", pkg: "fuzz", args: []string{"-test.run=^Fuzz", "-test.failfast"}, brief: true},
		{name: "properties, few checks", pkg: "properties",
			args: append([]string{"-test.skip=" + otherTests + "|^TestTruncation$", "-test.failfast"},
				rapidArgs("30")...)},
		{name: "costs", pkg: "properties", args: []string{"-test.run=" + costlyTests, "-test.failfast"}},
		{name: "pairs and reads", pkg: "properties", args: []string{"-test.run=" + ownTests, "-test.failfast"}},
		{name: "walks", pkg: "properties", many: &settings.Mutants{Walk: true}},
		{name: "properties", pkg: "properties", args: append([]string{"-test.skip=" + otherTests, "-test.failfast"},
			rapidArgs("300")...)},
		{name: "fuzzing", pkg: "fuzz", fuzzes: true},
	}
)

// rapidArgs make rapid do the same checks in each process.
func rapidArgs(checks string) []string {
	return []string{"-rapid.seed=1", "-rapid.checks=" + checks, "-rapid.nofailfile", "-rapid.shrinktime=0s"}
}

// mutantRun runs the suite on mutants.
type mutantRun struct {
	tree   *mutantTree
	known  map[string]string // equivalent mutants, with the reason
	choice Choice
	all    []*mutant
	start  time.Time

	sync.Mutex
	shown time.Time // when progress was
}

// run finds out what becomes of each mutant.
func (r *mutantRun) run(ctx context.Context) error {
	if err := r.check(ctx); err != nil {
		return err
	}
	alone := func(m *mutant) bool { return m.file != "" && (r.choice.Alone || m.alone()) }
	programs := slices.DeleteFunc(slices.Clone(r.all), func(m *mutant) bool { return m.result == isNoProgram })
	together := slices.DeleteFunc(slices.Clone(programs), alone)
	others := slices.DeleteFunc(slices.Clone(programs), func(m *mutant) bool { return !alone(m) })
	if err := r.buildTogether(ctx, together); err != nil {
		return err
	}
	together = slices.DeleteFunc(together, func(m *mutant) bool { return m.result == isDuplicate })
	var unchanged []*mutant
	for _, decoder := range []string{"hcsshim", "create", "reference"} {
		if slices.ContainsFunc(programs, func(m *mutant) bool { return m.decoder == decoder }) {
			unchanged = append(unchanged, &mutant{source: "the original", name: decoder, decoder: decoder,
				result: isUnknown})
		}
	}
	if err := r.layers(ctx, r.together(), append(unchanged, together...)); err != nil {
		return err
	}
	return parallel(others, func(m *mutant) error { return r.alone(ctx, m) })
}

// check marks the mutants that do not compile.
func (r *mutantRun) check(ctx context.Context) error {
	var folders []string
	for _, m := range r.all {
		if dir := filepath.Dir(m.file); m.file != "" && !slices.Contains(folders, dir) {
			folders = append(folders, dir)
		}
	}
	if len(folders) == 0 {
		return nil
	}
	c, err := newChecker(ctx, r.tree, folders)
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

// together is where the binaries are that have many mutants in them.
func (r *mutantRun) together() string { return filepath.Join(r.tree.dir, "..", "together") }

// testPackages are those whose tests run on mutants.
var testPackages = []string{"properties", "fuzz", "internal/reference"}

// buildTogether builds the tests with all the mutants in them, and finds the duplicates.
func (r *mutantRun) buildTogether(ctx context.Context, all []*mutant) error {
	var inFiles []*mutant
	for _, m := range all {
		if m.file != "" {
			inFiles = append(inFiles, m)
		}
	}
	files, err := schemata(inFiles)
	if err != nil {
		return err
	}
	if err := r.compile(ctx, r.together(), files, testPackages); err != nil {
		return fmt.Errorf("the suite with mutants in it does not build: %w", err)
	}
	r.progress("built", true)
	if len(files) == 0 {
		return nil
	}
	args := []string{"build", "-trimpath", "-gcflags=-S", "-overlay=" + filepath.Join(r.together(), "overlay.json")}
	for _, c := range called {
		args = append(args, path.Join(c.module, c.pkg))
	}
	listing, failed, err := gocmd.Try(r.tree.command(ctx, append(args, extract.Module, "./internal/reference")...))
	if failed && ctx.Err() == nil {
		err = errors.New(listing[max(0, len(listing)-2000):])
	}
	if err := cmp.Or(ctx.Err(), err); err != nil {
		return fmt.Errorf("the compiler does not list its code: %w", err)
	}
	findDuplicates(listing, inFiles)
	r.progress("which are duplicates", true)
	return nil
}

func testBinary(dir, pkg string) string { return filepath.Join(dir, filepath.Base(pkg)+".test") }

// compile makes the test binaries of packages in dir, with other texts of some files.
func (r *mutantRun) compile(ctx context.Context, dir string, files map[string][]byte, packages []string,
	flags ...string) error {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	replace := make(map[string]string)
	for name, text := range files {
		replace[name] = filepath.Join(dir, filepath.Base(name))
		if err := os.WriteFile(replace[name], text, 0o666); err != nil {
			return err
		}
	}
	text, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return err
	}
	overlay := filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(overlay, text, 0o666); err != nil {
		return err
	}
	args := slices.Concat([]string{"test", "-c", "-vet=off", "-trimpath", "-ldflags=-s -w -buildid=", "-overlay=" +
		overlay, "-o", dir + string(filepath.Separator)}, flags)
	for _, pkg := range packages {
		args = append(args, "./"+pkg)
	}
	_, err = gocmd.Output(r.tree.command(ctx, args...))
	return err
}

// alone builds the tests with one mutant in them, and runs all layers on it. The corpus
// kills most, so that the other tests are not built for them.
func (r *mutantRun) alone(ctx context.Context, m *mutant) error {
	dir, err := os.MkdirTemp(filepath.Dir(r.together()), "mutant-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	files := map[string][]byte{m.file: m.made.Text}
	if err := r.compile(ctx, dir, files, testPackages[:1]); err != nil {
		m.result, m.note = isNoProgram, gocmd.OneLine(err.Error())
		return ctx.Err()
	}
	if err := r.layer(ctx, dir, layers[0], []*mutant{m}); err != nil || m.result != isUnknown {
		return err
	}
	others := testPackages[1:]
	if m.decoder != "reference" {
		others = others[:1]
	}
	if err := r.compile(ctx, dir, files, others); err != nil {
		return fmt.Errorf("%s: %w", m.id(), err)
	}
	return r.layers(ctx, dir, []*mutant{m})
}

// layers runs the layers on mutants that are in the same binaries.
func (r *mutantRun) layers(ctx context.Context, dir string, all []*mutant) error {
	living := all
	for _, l := range layers {
		if err := r.layer(ctx, dir, l, slices.Clone(living)); err != nil {
			return err
		}
		for _, m := range living {
			if m.number == 0 && m.result != isUnknown {
				return fmt.Errorf("the suite fails on the unchanged %s decoder, so that it would kill anything: %s "+
					"(run make test)", m.decoder, m.test)
			}
		}
		living = slices.DeleteFunc(living, func(m *mutant) bool { return m.result != isUnknown })
	}
	for _, m := range living {
		if reason := r.known[m.id()]; reason != "" {
			m.result, m.note = isEquivalent, reason
		} else {
			m.result = isSurvivor
			if m.number > 0 {
				fmt.Printf("  survived: %s   %s\n", m.id(), m.change)
			}
		}
	}
	return nil
}

// layer runs one on mutants.
func (r *mutantRun) layer(ctx context.Context, dir string, l layer, all []*mutant) error {
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
		for chunk := range slices.Chunk(of, (len(of)+runtime.NumCPU()-1)/runtime.NumCPU()) {
			chunks = append(chunks, chunk)
		}
	}
	slices.SortFunc(chunks, func(a, b []*mutant) int { return len(b) - len(a) })
	return parallel(chunks, func(chunk []*mutant) error { return r.many(ctx, dir, l, chunk) })
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

// many runs a layer on mutants in one process, and in another one on the rest each time
// a mutant ends the process.
func (r *mutantRun) many(ctx context.Context, dir string, l layer, all []*mutant) error {
	m := *l.many
	m.Seed = r.choice.Seed
	for len(all) > 0 {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		m.All = nil
		byNumber := make(map[int]*mutant)
		for _, each := range all {
			m.All = append(m.All, each.setting())
			byNumber[each.number] = each
		}
		t := settings.Test{Build: dir, Decoder: all[0].decoder, Mutants: &m}
		cmd := gocmd.Command(ctx, filepath.Join(r.tree.dir, l.pkg), testBinary(dir, l.pkg), "-test.run=^TestMutants$",
			"-test.timeout=0")
		cmd.Env = append(cmd.Env, t.Environ())
		var running *mutant
		ended, hangs, rest := false, false, ""
		err := gocmd.Lines(cmd, func(line string) {
			if batch, found := strings.CutPrefix(line, settings.BatchLine); found {
				m.From, _ = strconv.Atoi(batch)
				return
			}
			word, found := strings.CutPrefix(line, settings.MutantLine)
			if !found {
				ended = ended || line == settings.MutantsEnd
				hangs = hangs || strings.Contains(line, "HANG: ")
				if len(rest) < 2000 {
					rest += line + "\n"
				}
				return
			}
			number, what, _ := strings.Cut(word, " ")
			n, _ := strconv.Atoi(number)
			switch running = byNumber[n]; {
			case what == settings.MutantLives:
				delete(byNumber, n)
			case what != settings.MutantRuns:
				r.kill(running, l, what, false)
				delete(byNumber, n)
			}
			r.progress(l.name, false)
		})
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case ended && err != nil || !ended && running == nil:
			return fmt.Errorf("%s: %w:\n%s", l.name, err, rest)
		case ended:
			return nil
		}
		r.kill(running, l, "(process ended)", hangs)
		delete(byNumber, running.number)
		all = slices.DeleteFunc(slices.Clone(all), func(m *mutant) bool { return byNumber[m.number] == nil })
	}
	return nil
}

func (m *mutant) setting() settings.Mutant { return settings.Mutant{Number: m.number, Bug: m.bug} }

func (r *mutantRun) kill(m *mutant, l layer, test string, hangs bool) {
	r.Lock()
	defer r.Unlock()
	m.result, m.layer, m.test = isKilled, l.name, test
	if hangs {
		m.result, m.test = isTimedOut, "(hang)"
	}
}

// single runs a layer on one mutant in a process of its own.
func (r *mutantRun) single(ctx context.Context, dir string, l layer, m *mutant) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if l.fuzzes {
		return r.fuzzing(ctx, dir, l, m)
	}
	if out, failed := r.command(ctx, testBinary(dir, l.pkg), m, l.pkg, l.args...); failed {
		test, hangs := killerIn(out)
		r.kill(m, l, test, hangs)
	}
	r.progress(l.name, false)
	return ctx.Err()
}

// command runs a package's test binary on a mutant.
func (r *mutantRun) command(ctx context.Context, binary string, m *mutant, pkg string, args ...string) (output string,
	failed bool) {
	cmd := gocmd.Command(ctx, filepath.Join(r.tree.dir, pkg), binary, append(args, "-test.timeout="+mutantTimeout)...)
	cmd.Env = append(cmd.Env, settings.Test{Build: filepath.Dir(binary), Decoder: m.decoder,
		Mutant: m.setting()}.Environ())
	out, failed, err := gocmd.Try(cmd)
	return out, failed && err == nil && ctx.Err() == nil
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

// fuzzing lets the engine look, for what the seeds did not find.
func (r *mutantRun) fuzzing(ctx context.Context, dir string, l layer, m *mutant) error {
	for _, t := range fuzz.Targets {
		if out, failed := r.engine(ctx, testBinary(dir, l.pkg), m, l.pkg, t.Name, mutantExecs); failed {
			test, hangs := killerIn(out)
			r.kill(m, l, test, hangs)
			break
		}
		r.progress(l.name, false)
	}
	return ctx.Err()
}

// engine fuzzes a target on a mutant, with one worker and nothing from earlier runs.
func (r *mutantRun) engine(ctx context.Context, binary string, m *mutant, pkg, target, fuzztime string) (output string,
	failed bool) {
	cache, err := os.MkdirTemp(filepath.Dir(binary), "cache-")
	if err != nil {
		return "", false
	}
	defer os.RemoveAll(cache)
	output, failed = r.command(ctx, binary, m, pkg, "-test.run=^$", "-test.fuzz=^"+target+"$",
		"-test.fuzztime="+fuzztime,
		"-test.fuzzcachedir="+cache, "-test.parallel=1", "-test.fuzzminimizetime=0")
	// golang/go#75804: the engine can mistake its own deadline for a failure.
	return output, failed && !strings.Contains(output, "context deadline exceeded")
}

// progress prints how far the run is, every ten seconds, or now.
func (r *mutantRun) progress(doing string, now bool) {
	r.Lock()
	defer r.Unlock()
	if !now && time.Since(r.shown) < 10*time.Second {
		return
	}
	r.shown = time.Now()
	n := func(results ...result) int {
		return count(r.all, func(m *mutant) bool { return slices.Contains(results, m.result) })
	}
	fmt.Printf("  %4.0f s  %-22s %d of %d are left, %d killed, %d survived\n", time.Since(r.start).Seconds(), doing,
		n(isUnknown), len(r.all), n(isKilled, isTimedOut), n(isSurvivor, isEquivalent))
}
