package upstream

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"time"

	"shimfuzz/internal/gocmd"
	"shimfuzz/internal/hcsshim/extract"
	"shimfuzz/internal/settings"
	"shimfuzz/lab/windows/shims"
	"shimfuzz/lab/windows/wine"
)

// Reports writes the report of a finding, or of each if finding is "", into dir. The
// test of each must fail on the hcsshim and pass on its patched copy.
func Reports(ctx context.Context, root, finding, dir string) error {
	chosen, err := choose(finding)
	if err != nil {
		return err
	}
	docs, err := os.ReadFile(filepath.Join(root, "docs", "contract.md"))
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	// With a module of their own the tests are not a part of ./... of this one.
	if err := os.WriteFile(filepath.Join(dir, "go.mod"), []byte("module reports\n"), 0o666); err != nil {
		return err
	}
	var reports []*report
	for _, s := range chosen {
		r, err := newReport(s, docs)
		if err != nil {
			return fmt.Errorf("%s: %w", s.finding, err)
		}
		reports = append(reports, r)
	}
	written, err := prove(ctx, root, dir, reports)
	if err != nil {
		return err
	}
	for _, u := range unreported {
		if finding == "" || u.finding == finding {
			fmt.Printf("  NOT WRITTEN: %s of %s: %s\n", u.finding, u.project, u.why)
		}
	}
	fmt.Printf("%d of %d reports written\n", written, len(reports))
	return nil
}

// errNeedsLinux is the error of a report whose test runs on Linux alone.
var errNeedsLinux = errors.New("its test needs Linux")

// prove writes the reports whose tests fail before the fix and pass after it, and
// returns how many.
func prove(ctx context.Context, root, dir string, reports []*report) (written int, err error) {
	work := filepath.Join(dir, "work")
	release, err := wine.Lock(work + ".lock")
	if err != nil {
		return 0, fmt.Errorf("another make -C lab report runs: %w", err)
	}
	defer release()
	defer os.RemoveAll(work)
	p := &prover{root: root, work: work, reports: reports}
	defer p.close()
	for _, r := range reports {
		err := p.prove(ctx, r)
		if len(reports) > 1 && (errors.As(err, new(wine.Missing)) || errors.Is(err, errNeedsLinux)) {
			fmt.Printf("  NOT WRITTEN: %s: %v\n", r.Name, err)
			continue
		}
		if err == nil {
			err = r.write(dir)
		}
		if err != nil {
			return written, fmt.Errorf("%s: %w", r.Name, err)
		}
		written++
		passes := "with the fix"
		if r.Fixed != "" {
			passes = "on " + r.Fixed
		}
		fmt.Printf("  %-31s fails on %s, passes %s: %s\n", r.Name, r.Release, passes,
			gocmd.FromHere(filepath.Join(dir, r.Name+".md")))
	}
	return written, nil
}

// prover proves the reports of one run. What that needs is made when it is first needed.
type prover struct {
	root, work string
	reports    []*report
	source     *extract.Source
	trees      []Tree            // before, with the patch, and with what proves the others, too
	programs   map[string]string // of the tests, by folder
	host       *wine.Host
}

func (p *prover) close() {
	if p.host != nil {
		p.host.Stop()
	}
}

// result is what a test has done.
type result struct {
	failed bool
	output string
}

// prove runs the test of a report before the fix and after it.
func (p *prover) prove(ctx context.Context, r *report) error {
	run, err := p.runner(ctx, r)
	if err != nil {
		return err
	}
	return r.proven(run)
}

// proven is an error unless the test of the report fails before the fix (0) and passes
// after it (1).
func (r *report) proven(run func(i int) (result, error)) error {
	before, err := run(0)
	if err != nil {
		return err
	}
	if !before.failed {
		return errors.New("its test passes on the unpatched " + r.Release)
	}
	after, err := run(1)
	if err != nil {
		return err
	}
	if after.failed {
		return errors.New("its test fails on the patched copy: " + gocmd.OneLine(after.output))
	}
	r.Output = shown(before.output)
	return nil
}

// runner returns what runs the test of a report before the fix (0) and after it (1).
func (p *prover) runner(ctx context.Context, r *report) (func(i int) (result, error), error) {
	if m, other := modules[r.template]; other {
		return p.ofModule(ctx, r, m)
	}
	if r.last != "" {
		r.Release, r.How = "hcsshim "+r.last, "readOptions, extracted and run"
		return func(i int) (result, error) { return p.extracted(ctx, []string{r.last, r.Fixed}[i], r) }, nil
	}
	if err := p.copy(); err != nil {
		return nil, err
	}
	r.Release = "hcsshim " + p.source.Name
	host, err := wine.Open(filepath.Join(p.root, "build", "wine"))
	if errors.As(err, new(wine.Missing)) && slices.Contains([]string{"answer", "endless"}, r.template) {
		r.How = "readOptions, extracted and run"
		return func(i int) (result, error) { return p.extracted(ctx, p.trees[i].Dir, r) }, nil
	}
	if err == nil && p.host == nil {
		p.host, p.programs = host, make(map[string]string)
		err = host.Start(ctx)
	}
	r.How = "compiled for Windows, and run" + under
	return func(i int) (result, error) {
		if i == 1 && !r.Patch {
			i = 2
		}
		program, err := p.built(ctx, p.trees[i], r.Folder)
		if err != nil {
			return result{}, err
		}
		var args []string
		if r.Hangs && i == 0 {
			args = append(args, "-test.timeout=30s") // the fixed one may take as long as it needs
		}
		did, err := onWindows(ctx, p.host, program, "^"+r.Test+"$", args...)
		return ran(r.Test, did, err)
	}, err
}

// copy makes the unpatched copy and the patched ones, with the tests of all reports.
func (p *prover) copy() (err error) {
	if len(p.trees) > 0 {
		return nil
	}
	if p.source, err = extract.Locate(p.root, ""); err != nil {
		return err
	}
	for i, name := range []string{"before", "after", "more"} {
		t, err := Copy(p.source, filepath.Join(p.work, name))
		if err == nil && i > 0 {
			err = t.Apply()
		}
		if err == nil && i > 1 {
			err = t.applyMore()
		}
		if err != nil {
			return err
		}
		for _, r := range p.reports {
			if !r.Windows || r.last != "" {
				continue
			}
			if err := r.put(t.Dir); err != nil {
				return err
			}
		}
		p.trees = append(p.trees, t)
	}
	return nil
}

// put writes the test of a report where it belongs in a copy of its project.
func (r *report) put(dir string) error {
	text, err := r.source()
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, filepath.FromSlash(r.Folder), r.File), text, 0o666)
}

// built builds the tests of the shim in a folder of a copy for Windows, once.
func (p *prover) built(ctx context.Context, t Tree, folder string) (string, error) {
	dir := filepath.Join(t.Dir, filepath.FromSlash(folder))
	if p.programs[dir] != "" {
		return p.programs[dir], nil
	}
	fmt.Printf("  building the tests of %s for Windows; the first time this takes minutes\n", gocmd.FromHere(dir))
	program, err := shims.BuildTests(ctx, t.Dir, folder, t.Dir+".built")
	p.programs[dir] = program
	return program, err
}

// under is what Windows programs run under here.
var under = map[bool]string{false: " under Wine"}[runtime.GOOS == "windows"]

// limit is many times what a test takes.
const limit = 2 * time.Minute

// onWindows runs tests of a program that is built for Windows.
func onWindows(ctx context.Context, host *wine.Host, program, tests string, args ...string) (result, error) {
	r, err := host.Run(ctx, wine.Command{Program: program, Args: append([]string{"-test.v", "-test.run=" + tests},
		args...), Dir: filepath.Dir(program), Limit: limit})
	return result{r.Exit != 0, strings.ReplaceAll(r.Stdout+r.Stderr, "\r\n", "\n")}, err
}

// ran is what a test did, and an error if it did not run: what failed then is something else.
func ran(test string, r result, err error) (result, error) {
	if err == nil && (!strings.Contains(r.output, "=== RUN   "+test+"\n") || !r.failed &&
		!strings.Contains(r.output, "--- PASS: "+test+" ")) {
		err = errors.New("its test did not run: " + gocmd.OneLine(r.output))
	}
	return r, err
}

// extracted runs a test that calls nothing but readOptions, as one of the package that
// the suite extracts that to, of a version or of a checkout.
func (p *prover) extracted(ctx context.Context, hcsshim string, r *report) (result, error) {
	b, err := extract.Prepare(p.root, hcsshim, "")
	if err != nil {
		return result{}, err
	}
	if r.last == "" {
		defer os.RemoveAll(b.Dir) // of a copy
	}
	source, err := r.source()
	if err != nil {
		return result{}, err
	}
	text := strings.NewReplacer("//go:build windows\n", "", "package main\n",
		"package extracted\n").Replace(string(source))
	test, name := filepath.Join(p.work, r.File), filepath.Join(p.work, "overlay.json")
	place := filepath.Join(filepath.Dir(b.DecoderFile()), r.File)
	overlay, err := json.Marshal(map[string]any{"Replace": map[string]string{place: test}})
	if err := errors.Join(err, os.MkdirAll(p.work, 0o777), os.WriteFile(test, []byte(text), 0o666),
		os.WriteFile(name, overlay, 0o666)); err != nil {
		return result{}, err
	}
	out, failed, err := gocmd.Try(b.Go(ctx, settings.Test{}, "test", "-overlay="+name, "-v", "-run=^"+r.Test+"$",
		extract.Module))
	return ran(r.Test, result{failed, out}, err)
}

// ofModule proves a report on copies of the module alone: of a release and of its patched
// copy, or of two releases.
func (p *prover) ofModule(ctx context.Context, r *report, of module) (func(i int) (result, error), error) {
	if r.template == "runc" && runtime.GOOS != "linux" {
		return nil, errNeedsLinux
	}
	version := cmp.Or(r.last, of.version)
	if version == "" {
		out, err := gocmd.Run(p.root, nil, "list", "-m", "-f", "{{.Version}}", of.path)
		if err != nil {
			return nil, err
		}
		version = strings.TrimSpace(string(out))
	}
	r.Release, r.How = of.path+" "+version, "run with Go"
	return func(i int) (result, error) {
		patched := i == 1 && r.last == ""
		if i == 1 && !patched {
			version = r.Fixed
		}
		m, err := gocmd.Download(of.path, version)
		if err != nil {
			return result{}, err
		}
		dir := filepath.Join(p.work, "module")
		err = errors.Join(os.RemoveAll(dir), gocmd.CopyTree(dir, m.Dir))
		if err == nil && patched {
			err = edit(filepath.Join(dir, filepath.FromSlash(of.changed)), of.changes)
		}
		if err := errors.Join(err, r.put(dir)); err != nil {
			return result{}, err
		}
		out, failed, err := gocmd.Try(gocmd.Command(ctx, dir, "go", "test", "-mod=mod", "-v", "-run=^"+r.Test+"$",
			"./"+r.Folder))
		return ran(r.Test, result{failed, out}, err)
	}, nil
}

// noise is what of a test's output is another each time.
var noise = regexp.MustCompile(`(?m)^(--- .*) \(.*\)$|^(?:===|goroutine|exit status|FAIL|created by|\t|\S+\().*\n`)

// shown is what of a test's output belongs into a report.
func shown(output string) string { return strings.TrimSpace(noise.ReplaceAllString(output, "$1")) }
