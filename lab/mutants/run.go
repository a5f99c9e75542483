package mutants

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"shimfuzz/internal/hcsshim/extract"
	"shimfuzz/internal/settings"
	"shimfuzz/lab/mutants/mutate"
	"shimfuzz/lab/workspace"
)

// layer is a part of the suite that can kill a mutant: some tests of a package.
type layer struct {
	name      string
	pkg       string
	run, skip string // patterns of tests' names
	brief     bool   // short enough for those that are known to be equivalent, too
}

var (
	corpusLayer     = layer{"corpus", "properties", "^(TestCorpus|TestFindings)$", "", true}
	seedsLayer      = layer{"fuzz seeds", "fuzz", "^Fuzz", "", true}
	propertiesLayer = layer{"properties", "properties", "", "^(TestCorpus|TestFindings|TestLinear|TestSmallIsCheap|" +
		"TestLarge)$|^TestWalk", true}

	// layers are in the order in which they run on what the ones before let live: those
	// that kill most for their time first.
	layers = []layer{
		corpusLayer,
		{"unit tests", "internal/reference", "", "", true},
		seedsLayer,
		propertiesLayer,
		{"costs", "properties", "^(TestLinear|TestSmallIsCheap|TestLarge)$", "", false},
		{"the enumeration", "properties", "^TestWalk", "", false},
	}
)

const (
	writtenLayer = "the check that its row names"
	// Of those that are known to be equivalent one in allLayersFor goes through all layers,
	// others each day.
	allLayersFor = 20
	hang         = "(hang)"
)

// command prepares a process that runs the layer, of the test binaries in dir.
func (l layer) command(ctx context.Context, b *extract.Build, dir string, s settings.Test, args ...string) *exec.Cmd {
	args = append(args, "-test.run="+l.run, "-test.skip="+l.skip, "-test.timeout=10m")
	if l.pkg == "properties" {
		args = append(args, "-rapid.shrinktime=0s")
	}
	cmd := b.Command(ctx, s, filepath.Join(dir, filepath.Base(l.pkg)+".test"), args...)
	cmd.Dir = filepath.Join(b.Root, l.pkg)
	return cmd
}

// run runs the suite on mutants.
type run struct {
	*suite
	seed  int
	all   []*mutant
	start time.Time

	originals sync.Map // by decoder and layer, whether the unchanged decoder passes it

	sync.Mutex
	shown time.Time // when progress was
}

// together is the folder of the binaries that have nearly all mutants in them.
func (r *run) together() string { return filepath.Join(r.dir, "together") }

// run finds out what becomes of each mutant.
func (r *run) run(ctx context.Context) error {
	var together, programs []*mutant
	for _, m := range r.all {
		if m.file != nil {
			if err := m.file.check(m.made.Text); err != nil {
				m.result, m.note = isNoProgram, err.Error()
				continue
			}
			if m.made.Func >= 0 {
				together = append(together, m)
			}
		}
		programs = append(programs, m)
	}
	r.say("which are programs")
	if err := r.compile(ctx, r.together(), schemata(together)); err != nil {
		return fmt.Errorf("the suite with mutants in it does not build: %w", err)
	}
	r.say("built")
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(runtime.NumCPU())
	for _, m := range programs {
		g.Go(func() error { return r.mutant(ctx, m) })
	}
	return g.Wait()
}

// mutant runs the suite on a mutant.
func (r *run) mutant(ctx context.Context, m *mutant) error {
	dir := r.together()
	if m.file != nil && m.made.Func < 0 {
		dir = filepath.Join(r.dir, fmt.Sprint("alone-", m.number))
		defer os.RemoveAll(dir)
		if err := r.compile(ctx, dir, map[string][]byte{m.file.name: m.made.Text}); err != nil {
			return fmt.Errorf("%s: %w", m.id(), err)
		}
	}
	for _, l := range r.layersFor(m) {
		killer, err := r.layer(ctx, dir, l, m)
		if err != nil {
			return err
		}
		if killer != "" {
			r.done(m, isKilled, l.name, killer)
			return r.original(ctx, l, m.decoder)
		}
	}
	r.done(m, isSurvivor, "", "")
	return nil
}

// layersFor are the layers that a mutant has to go through.
func (r *run) layersFor(m *mutant) []layer {
	if m.check != "" {
		return []layer{{name: writtenLayer, pkg: "properties", run: "^" + m.check + "$"}}
	}
	brief := m.known != "" && (m.number+r.seed)%allLayersFor != 0
	return slices.DeleteFunc(slices.Clone(layers), func(l layer) bool {
		return brief && !l.brief || l.pkg == "internal/reference" && m.decoder != "reference"
	})
}

// original fails if the unchanged decoder fails a layer, which then would kill anything.
func (r *run) original(ctx context.Context, l layer, decoder string) error {
	passes, _ := r.originals.LoadOrStore(decoder+" "+l.pkg+" "+l.run, sync.OnceValue(func() error {
		test, err := r.layer(ctx, r.together(), l, &mutant{decoder: decoder})
		if err == nil && test != "" {
			err = fmt.Errorf("the suite fails on the unchanged %s decoder, so that it would kill anything: %s "+
				"(run make test)", decoder, test)
		}
		return err
	}))
	return passes.(func() error)()
}

// layer runs one on a mutant, and returns the test that kills it, or "".
func (r *run) layer(ctx context.Context, dir string, l layer, m *mutant) (killer string, err error) {
	s := settings.Test{Build: dir, Decoder: m.decoder}
	if m.check != "" {
		s.Lab = m.name
	}
	cmd := l.command(ctx, r.Build, dir, s, "-test.failfast")
	cmd.Env = append(cmd.Env, fmt.Sprintf("%s=%d", mutate.Variable, m.number))
	out, failed, err := workspace.Try(cmd)
	if err := errors.Join(ctx.Err(), err); err != nil || !failed {
		return "", err
	}
	return killerIn(out), nil
}

// killerIn reads from a failed test binary's output which test failed first, or which within
// it. A process that ended before it could say so was ended by the mutant: the unchanged
// decoders go through this, too.
func killerIn(out string) string {
	if strings.Contains(out, "panic: test timed out") || strings.Contains(out, "HANG: ") {
		return hang
	}
	killer := ""
	for line := range strings.Lines(out) {
		name, found := strings.CutPrefix(strings.TrimSpace(line), "--- FAIL: ")
		if found && (killer == "" || strings.HasPrefix(name, killer+"/")) {
			killer = strings.Fields(name)[0]
		}
	}
	return cmp.Or(killer, "(process ended)")
}

// done notes what became of a mutant, and prints how far the run is, every ten seconds.
func (r *run) done(m *mutant, what result, layer, test string) {
	r.Lock()
	defer r.Unlock()
	m.result, m.layer, m.test = what, layer, test
	switch {
	case test == hang:
		m.result = isTimedOut
	case what == isSurvivor && m.known != "":
		m.result, m.note = isEquivalent, m.known
	}
	if time.Since(r.shown) > 10*time.Second {
		r.shown = time.Now()
		r.say("")
	}
}

// say prints how far the run is.
func (r *run) say(what string) {
	n := make(map[result]int)
	for _, m := range r.all {
		n[m.result]++
	}
	fmt.Printf("  %4.0f s  %-18s %d of %d are left, %d killed, %d survived\n", time.Since(r.start).Seconds(), what,
		n[isUnknown], len(r.all), n[isKilled]+n[isTimedOut], n[isSurvivor]+n[isEquivalent])
}
