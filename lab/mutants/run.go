package mutants

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"shimfuzz/internal/findings"
	"shimfuzz/internal/gocmd"
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
}

var (
	corpusLayer     = layer{"corpus", "properties", "^(TestCorpus|TestFindings)$", ""}
	seedsLayer      = layer{"fuzz seeds", "fuzz", "^Fuzz", ""}
	propertiesLayer = layer{"properties", "properties", "", "^(TestCorpus|TestFindings|TestLinear|TestSmallIsCheap|" +
		"TestLarge)$|^TestWalk"}

	// layers are in the order in which they run on what the ones before let live: those
	// that kill most for their time first.
	layers = []layer{
		corpusLayer,
		{"unit tests", "internal/reference", "", ""},
		seedsLayer,
		propertiesLayer,
		{"costs", "properties", "^(TestLinear|TestSmallIsCheap|TestLarge)$", ""},
		{"the enumeration", "properties", "^TestWalk", ""},
	}
)

const (
	// Those that are known to be equivalent go through so many layers, and one in allLayersFor
	// through all, others each day.
	briefLayers  = 2
	allLayersFor = 10
	hang         = "(hang)"
)

// test runs the layer, of the test binaries in dir, with a mutant's number, until a test fails;
// without one, 0, to its end. It returns the output, or "" if all tests pass.
func (l layer) test(ctx context.Context, b *extract.Build, dir string, s settings.Test, number int) (string, error) {
	args := []string{"-test.run=" + l.run, "-test.skip=" + l.skip, "-test.timeout=10m"}
	if number > 0 {
		args = append(args, "-test.failfast")
	}
	if l.pkg == "properties" {
		args = append(args, "-rapid.shrinktime=0s")
	}
	cmd := b.Command(ctx, s, filepath.Join(dir, filepath.Base(l.pkg)+".test"), args...)
	cmd.Dir = filepath.Join(b.Root, l.pkg)
	cmd.Env = append(cmd.Env, fmt.Sprintf("%s=%d", mutate.Variable, number))
	out, failed, err := workspace.Try(cmd)
	if err := errors.Join(ctx.Err(), err); err != nil || !failed {
		return "", err
	}
	return cmp.Or(out, "(no output)"), nil
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

// run finds out what becomes of each mutant.
func (s *suite) run(ctx context.Context, all []*mutant) error {
	var programs []*mutant
	together := make(map[*mutate.File]map[int]mutate.Mutant)
	for _, m := range all {
		if m.file != nil {
			if err := m.file.Check(m.Text); err != nil {
				m.result, m.why = isNoProgram, err.Error()
				continue
			}
			if together[m.file] == nil {
				together[m.file] = make(map[int]mutate.Mutant)
			}
			together[m.file][m.number] = m.Mutant
		}
		programs = append(programs, m)
	}
	texts := make(map[string][]byte)
	for f, mutants := range together {
		texts[f.Name] = f.Schema(mutants)
	}
	if err := s.compile(ctx, s.dir, texts); err != nil {
		return fmt.Errorf("the suite with mutants in it does not build: %w", err)
	}
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(runtime.NumCPU())
	var done atomic.Int64
	start := time.Now()
	for _, m := range programs {
		g.Go(func() error {
			err := s.mutant(ctx, m)
			if n := done.Add(1); n%20 == 0 {
				fmt.Printf("  %4.0f s  %d of %d\n", time.Since(start).Seconds(), n, len(programs))
			}
			return err
		})
	}
	return g.Wait()
}

// mutant runs the suite on a mutant.
func (s *suite) mutant(ctx context.Context, m *mutant) error {
	dir := s.dir
	if m.file != nil && m.Func < 0 {
		dir = filepath.Join(s.dir, fmt.Sprint("alone-", m.number))
		defer os.RemoveAll(dir)
		if err := s.compile(ctx, dir, map[string][]byte{m.file.Name: m.Text}); err != nil {
			return fmt.Errorf("%s: %w", m.id(), err)
		}
	}
	for _, l := range s.layersFor(m) {
		out, err := l.test(ctx, s.Build, dir, m.settings, m.number)
		if err != nil {
			return err
		}
		if out != "" {
			killer := killerIn(out)
			m.result, m.why = isKilled, l.name+" "+killer
			if killer == hang {
				m.result = isTimedOut
			}
			return s.original(ctx, l, m.settings.Decoder)
		}
	}
	m.result = isSurvivor
	if m.known != "" {
		m.result, m.why = isEquivalent, m.known
	}
	return nil
}

// layersFor are the layers that a mutant has to go through.
func (s *suite) layersFor(m *mutant) []layer {
	if m.check != "" {
		return []layer{{name: "its check", pkg: "properties", run: "^" + m.check + "$"}}
	}
	all := slices.Clone(layers)
	if m.known != "" && (m.number+s.seed)%allLayersFor != 0 {
		all = all[:briefLayers]
	}
	return slices.DeleteFunc(all, func(l layer) bool {
		return l.pkg == "internal/reference" && m.settings.Decoder != "reference"
	})
}

// original fails if the unchanged decoder fails a layer, which then would kill anything.
func (s *suite) original(ctx context.Context, l layer, decoder string) error {
	passes, _ := s.originals.LoadOrStore(decoder+" "+l.pkg+" "+l.run, sync.OnceValue(func() error {
		out, err := l.test(ctx, s.Build, s.dir, settings.Test{Build: s.dir, Decoder: decoder}, 0)
		if err == nil && out != "" {
			err = fmt.Errorf("the suite fails on the unchanged %s decoder, so that it would kill anything: %s "+
				"(run make test)", decoder, killerIn(out))
		}
		return err
	}))
	return passes.(func() error)()
}

// historyReleases have, between them, every finding.
var historyReleases = []string{"v0.14.1", "v0.15.0"}

// History lets the corpus, the properties and the fuzz targets each find each known finding
// again, on a real release: all the others are excused, as if this one had just been made.
func History(ctx context.Context, root string) error {
	missed := 0
	for _, version := range historyReleases {
		b, err := extract.Prepare(root, version, "")
		if err != nil {
			return err
		}
		if err := gocmd.Show(b.Go(ctx, settings.Test{}, "test", "-c", "-vet=off",
			"-o", b.Dir+string(filepath.Separator), "./properties", "./fuzz")); err != nil {
			return err
		}
		for _, f := range findings.All.Of(findings.ReadOptions, version).Findings {
			fmt.Printf("FINDINGS=%s,-%s", version, f.Name)
			for _, l := range []layer{corpusLayer, propertiesLayer, seedsLayer} {
				s := settings.Test{Findings: version + ",-" + f.Name, Decoder: "hcsshim"}
				out, err := l.test(ctx, b, b.Dir, s, 0)
				if err != nil {
					return err
				}
				found := killerIn(out)
				if !strings.Contains(out, "finding    "+f.Name+": ") {
					missed++
					found = "NOT FOUND"
				}
				fmt.Printf("   %s: %s", l.name, found)
			}
			fmt.Println()
		}
	}
	if missed > 0 {
		return fmt.Errorf("%d times a part of the suite found nothing", missed)
	}
	return nil
}
