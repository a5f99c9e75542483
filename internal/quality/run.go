package quality

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"shimfuzz/internal/gocmd"
	"shimfuzz/internal/quality/killmatrix"
	"shimfuzz/internal/settings"
	"shimfuzz/internal/targets"
)

// layer is a part of the suite that can kill a mutant.
type layer struct {
	name   string
	pkg    string // whose tests these are
	args   []string
	last   bool // runs only on what all layers before let live, for it takes long
	fuzzes bool // with the engine
}

const (
	cheapTests  = "^(TestCorpus|TestFindings)$"
	walkTests   = "^TestWalk"
	costlyTests = "^(TestLinear|TestSmallIsCheap|TestLarge)$"
	// mutantExecs is how many executions each target gets to find what no seed has
	// found. They are not guided by coverage: a build for that takes longer than all
	// of them.
	mutantExecs = "20000x"
	// mutantTimeout is how long a layer may take that takes 20 s on the original.
	mutantTimeout = "180s"
)

var (
	rapidArgs = []string{"-rapid.seed=1", "-rapid.checks=300", "-rapid.nofailfile", "-rapid.shrinktime=0s"}
	layers    = []layer{
		{name: "corpus", pkg: "properties", args: []string{"-test.run=" + cheapTests}},
		{name: "walks", pkg: "properties", args: []string{"-test.run=" + walkTests, "-test.failfast"}},
		{name: "properties", pkg: "properties", args: append([]string{"-test.skip=" + cheapTests + "|" + walkTests + "|" + costlyTests}, rapidArgs...)},
		{name: "fuzz seeds", pkg: "fuzz", args: []string{"-test.run=^Fuzz"}},
		{name: "unit tests", pkg: "internal/reference"},
		{name: "costs", pkg: "properties", args: []string{"-test.run=" + costlyTests}, last: true},
		{name: "fuzzing", pkg: "fuzz", fuzzes: true, last: true},
	}
)

// mutantRun runs the suite on mutants, as many at a time as there are cores.
type mutantRun struct {
	tree  *mutantTree
	known map[string]string // equivalent mutants, with the reason
	start time.Time

	sync.Mutex
	hashes map[string]string // of test binaries, and whose they are
	counts map[killmatrix.Result]int
}

func newMutantRun(t *mutantTree, known map[string]string) *mutantRun {
	return &mutantRun{tree: t, known: known, hashes: make(map[string]string), counts: make(map[killmatrix.Result]int)}
}

// run finds out what becomes of each mutant.
func (r *mutantRun) run(ctx context.Context, all []*mutant) error {
	r.start = time.Now()
	hash, err := r.build(ctx, r.original(), &mutant{decoder: "reference"})
	if err != nil {
		return fmt.Errorf("the unchanged suite does not build: %w", err)
	}
	r.hashes[hash] = "the original"
	unchanged := []*mutant{{decoder: "hcsshim"}, {decoder: "create"}, {decoder: "reference"}}
	parallel(unchanged, func(m *mutant) { r.layers(ctx, r.original(), m) })
	for _, m := range unchanged {
		if m.Result != killmatrix.Survived {
			return fmt.Errorf("the suite fails on the unchanged %s decoder, so that it would kill anything: %v (run make test)", m.decoder, m.Kills)
		}
	}
	fmt.Printf("  %d mutants, %d at a time\n", len(all), runtime.NumCPU())
	shown, done := time.Now(), 0
	parallel(all, func(m *mutant) {
		if ctx.Err() != nil {
			return
		}
		r.one(ctx, m)
		if reason := r.known[m.ID()]; m.Result == killmatrix.Survived && reason != "" {
			m.Result, m.Note = killmatrix.Equivalent, reason
		}
		r.Lock()
		defer r.Unlock()
		r.counts[m.Result]++
		if m.Result == killmatrix.Survived {
			fmt.Printf("  survived: %s   %s\n", m.ID(), m.Change)
		}
		if done++; time.Since(shown) > 20*time.Second {
			shown = time.Now()
			fmt.Printf("  %4d of %d  %3.0f min  %d killed, %d survived\n", done, len(all), time.Since(r.start).Minutes(),
				r.counts[killmatrix.Killed]+r.counts[killmatrix.TimedOut], r.counts[killmatrix.Survived])
		}
	})
	return ctx.Err()
}

// original is where the unchanged suite is built.
func (r *mutantRun) original() string { return filepath.Join(r.tree.dir, "..", "original") }

// properties are the names of the properties' tests.
func (r *mutantRun) properties(ctx context.Context) ([]string, error) {
	cmd := gocmd.Command(ctx, filepath.Join(r.tree.dir, "properties"), testBinary(r.original(), "properties"), "-test.list=^Test")
	out, err := gocmd.Output(cmd)
	return strings.Fields(string(out)), err
}

// parallel does something with each of all, as many at a time as there are cores.
func parallel[T any](all []T, do func(T)) {
	var g errgroup.Group
	g.SetLimit(runtime.NumCPU())
	for _, each := range all {
		g.Go(func() error {
			do(each)
			return nil
		})
	}
	_ = g.Wait() // none returns an error
}

// one finds out what becomes of one mutant. A bug of the zoo is in the binaries
// of the original already.
func (r *mutantRun) one(ctx context.Context, m *mutant) {
	if m.file == "" {
		r.layers(ctx, r.original(), m)
		return
	}
	dir, err := os.MkdirTemp(filepath.Dir(r.original()), "mutant-")
	if err != nil {
		m.Result, m.Note = killmatrix.BuildFailed, err.Error()
		return
	}
	defer os.RemoveAll(dir)
	hash, err := r.build(ctx, dir, m)
	if err != nil {
		m.Result, m.Note = killmatrix.BuildFailed, firstComplaint(err)
		return
	}
	r.Lock()
	duplicate := r.hashes[hash]
	if duplicate == "" {
		r.hashes[hash] = m.ID()
	}
	r.Unlock()
	if duplicate != "" {
		m.Result, m.Note = killmatrix.Duplicate, duplicate
		return
	}
	r.layers(ctx, dir, m)
}

var complaint = regexp.MustCompile(`(?m)^\S+\.go:\d+:\d+: (.*)$`)

func firstComplaint(err error) string {
	if m := complaint.FindStringSubmatch(err.Error()); m != nil {
		return m[1]
	}
	return err.Error()
}

// build builds the test binaries with the mutant's file in place of the tree's,
// and returns a hash of them, stripped.
func (r *mutantRun) build(ctx context.Context, dir string, m *mutant) (hash string, err error) {
	packages := []string{"properties", "fuzz"}
	if m.decoder == "reference" {
		packages = append(packages, "internal/reference")
	}
	if err := r.compile(ctx, dir, m, packages); err != nil {
		return "", err
	}
	h := sha256.New()
	for _, pkg := range packages[:2] {
		text, err := os.ReadFile(testBinary(dir, pkg))
		if err != nil {
			return "", err
		}
		h.Write(text)
	}
	return string(h.Sum(nil)), nil
}

func testBinary(dir, pkg string) string { return filepath.Join(dir, filepath.Base(pkg)+".test") }

// compile makes the test binaries of packages in dir.
func (r *mutantRun) compile(ctx context.Context, dir string, m *mutant, packages []string, flags ...string) error {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	replace := make(map[string]string)
	if m.file != "" {
		changed := filepath.Join(dir, filepath.Base(m.file))
		if err := os.WriteFile(changed, m.text, 0o666); err != nil {
			return err
		}
		replace[m.file] = changed
	}
	text, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return err
	}
	overlay := filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(overlay, text, 0o666); err != nil {
		return err
	}
	args := slices.Concat([]string{"test", "-c", "-vet=off", "-trimpath", "-ldflags=-s -w -buildid=", "-overlay=" + overlay, "-o", dir + string(filepath.Separator)}, flags)
	for _, pkg := range packages {
		args = append(args, "./"+pkg)
	}
	_, err = gocmd.Output(gocmd.Command(ctx, r.tree.dir, "go", args...))
	return err
}

// layers runs the layers on a mutant and notes who kills it.
func (r *mutantRun) layers(ctx context.Context, dir string, m *mutant) {
	m.Result = killmatrix.Survived
	start := time.Now()
	for _, l := range layers {
		switch {
		case l.last && m.Result != killmatrix.Survived, l.pkg == "internal/reference" && m.decoder != "reference":
			continue
		}
		var kills []killmatrix.Kill
		timedOut := false
		if l.fuzzes {
			kills = r.fuzzing(ctx, dir, m, l)
		} else if out, failed := r.command(ctx, testBinary(dir, l.pkg), m, l.pkg, l.args...); failed {
			kills, timedOut = killsIn(out, l.name)
		}
		if len(kills) == 0 {
			continue
		}
		if m.Result == killmatrix.Survived {
			m.After = time.Since(start)
			if m.Result = killmatrix.Killed; timedOut {
				m.Result = killmatrix.TimedOut
			}
		}
		m.Kills = append(m.Kills, kills...)
		if timedOut {
			return // it would hang in the other layers, too
		}
	}
}

// command runs a package's test binary on a mutant.
func (r *mutantRun) command(ctx context.Context, binary string, m *mutant, pkg string, args ...string) (output string, failed bool) {
	cmd := gocmd.Command(ctx, filepath.Join(r.tree.dir, pkg), binary, append(args, "-test.timeout="+mutantTimeout)...)
	cmd.Env = append(cmd.Env, settings.Test{Build: filepath.Dir(binary), Decoder: m.decoder, Bug: m.bug}.Environ())
	out, failed, err := gocmd.Try(cmd)
	return out, failed && err == nil && ctx.Err() == nil
}

var (
	failedTest = regexp.MustCompile(`(?m)^--- FAIL: (\w+)`)
	failedSeed = regexp.MustCompile(`(?m)^ +--- FAIL: (\w+)/seed#(\d+)`)
	execsSoFar = regexp.MustCompile(`execs: (\d+)`)
)

// killsIn reads from a failed test binary's output who failed. A process that
// ended before it could say so was ended by the mutant: the unchanged decoders
// have been through all of this before.
func killsIn(out, layer string) (kills []killmatrix.Kill, timedOut bool) {
	execs := make(map[string]int)
	for _, s := range failedSeed.FindAllStringSubmatch(out, -1) {
		if n, err := strconv.Atoi(s[2]); err == nil && (execs[s[1]] == 0 || n+1 < execs[s[1]]) {
			execs[s[1]] = n + 1
		}
	}
	for _, t := range failedTest.FindAllStringSubmatch(out, -1) {
		kills = append(kills, killmatrix.Kill{Layer: layer, Test: t[1], Execs: execs[t[1]]})
	}
	timedOut = strings.Contains(out, "panic: test timed out") || strings.Contains(out, "HANG: ")
	if len(kills) == 0 {
		what := "(process ended)"
		if timedOut {
			what = "(hang)"
		}
		kills = []killmatrix.Kill{{Layer: layer, Test: what}}
	}
	return kills, timedOut
}

// fuzzing lets the engine look, for what the seeds did not find.
func (r *mutantRun) fuzzing(ctx context.Context, dir string, m *mutant, l layer) (kills []killmatrix.Kill) {
	for _, t := range targets.All {
		out, failed := r.engine(ctx, testBinary(dir, l.pkg), m, l.pkg, t.Name, mutantExecs)
		if !failed {
			continue
		}
		execs := 0
		for _, e := range execsSoFar.FindAllStringSubmatch(out, -1) {
			execs, _ = strconv.Atoi(e[1])
		}
		kills = append(kills, killmatrix.Kill{Layer: l.name, Test: t.Name, Execs: execs})
	}
	return kills
}

// engine fuzzes a target on a mutant, with one worker and nothing from earlier runs.
func (r *mutantRun) engine(ctx context.Context, binary string, m *mutant, pkg, target, fuzztime string) (output string, failed bool) {
	cache, err := os.MkdirTemp(filepath.Dir(binary), "cache-")
	if err != nil {
		return "", false
	}
	defer os.RemoveAll(cache)
	output, failed = r.command(ctx, binary, m, pkg, "-test.run=^$", "-test.fuzz=^"+target+"$", "-test.fuzztime="+fuzztime,
		"-test.fuzzcachedir="+cache, "-test.parallel=1", "-test.fuzzminimizetime=0")
	// golang/go#75804: the engine can mistake its own deadline for a failure.
	return output, failed && !strings.Contains(output, "context deadline exceeded")
}
