package reports

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"time"

	"shimfuzz/internal/gocmd"
	"shimfuzz/internal/hcsshim/extract"
	"shimfuzz/internal/settings"
	"shimfuzz/lab/windows/shims"
	"shimfuzz/lab/windows/wine"
	"shimfuzz/lab/workspace"
)

// Reports writes the report of a finding, or of each if finding is "", into build/reports.
// The test of each must fail on the release and pass with the fix.
func Reports(ctx context.Context, root, finding string) error {
	chosen, err := choose(finding)
	if err != nil {
		return err
	}
	dir := filepath.Join(root, "build", "reports")
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	// With a module of their own the tests are not a part of ./... of this one.
	if err := os.WriteFile(filepath.Join(dir, "go.mod"), []byte("module reports\n"), 0o666); err != nil {
		return err
	}
	p := prover{root: root, work: filepath.Join(dir, "work"), programs: make(map[string]string)}
	release, err := wine.Lock(p.work + ".lock")
	if err != nil {
		return fmt.Errorf("another make -C lab report runs: %w", err)
	}
	defer release()
	defer p.close()
	for _, s := range chosen {
		r, err := newReport(s)
		if err != nil {
			return fmt.Errorf("%s: %w", s.Finding, err)
		}
		p.reports = append(p.reports, r)
	}
	written := 0
	for _, r := range p.reports {
		err := r.proven(func(fixed bool) (result, error) { return p.run(ctx, r, fixed) })
		if len(p.reports) > 1 && (errors.As(err, new(wine.Missing)) || errors.Is(err, errNeedsLinux)) {
			fmt.Printf("  NOT WRITTEN: %s: %v\n", r.Name, err)
			continue
		}
		if err == nil {
			err = r.write(dir)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", r.Name, err)
		}
		written++
		fmt.Printf("  %-31s fails on %s, passes on %s: %s\n", r.Name, r.Release, cmp.Or(r.Fixed, "its patched copy"),
			gocmd.FromHere(filepath.Join(dir, r.Name+".md")))
	}
	for _, u := range unreported {
		if finding == "" || u.finding == finding {
			fmt.Printf("  NOT WRITTEN: %s of %s: %s\n", u.finding, u.project, u.why)
		}
	}
	fmt.Printf("%d of %d reports written\n", written, len(p.reports))
	return nil
}

// errNeedsLinux is the error of a report whose test runs on Linux alone.
var errNeedsLinux = errors.New("its test needs Linux")

// prover runs the tests of reports. What that needs is made when it is first needed.
type prover struct {
	root, work string
	reports    []*report
	patched    *extract.Build    // with the readOptions of the patch
	programs   map[string]string // of the tests, by folder
	host       *wine.Host
	release    string // of the hcsshim that is copied
}

func (p *prover) close() {
	if p.host != nil {
		p.host.Stop()
	}
	os.RemoveAll(p.work)
	if p.patched != nil {
		os.RemoveAll(p.patched.Dir)
	}
}

// result is what a test has done.
type result struct {
	failed bool
	output string
}

// proven is an error unless the test of the report fails before the fix and passes after it.
func (r *report) proven(run func(fixed bool) (result, error)) error {
	for _, fixed := range []bool{false, true} {
		did, err := run(fixed)
		switch {
		case err != nil:
			return err
		case !strings.Contains(did.output, "=== RUN   "+r.Test+"\n") || !did.failed &&
			!strings.Contains(did.output, "--- PASS: "+r.Test+" "): // what failed then is something else
			return errors.New("its test did not run: " + gocmd.OneLine(did.output))
		case !fixed && !did.failed:
			return errors.New("its test passes on the unpatched " + r.Release)
		case fixed && did.failed:
			return errors.New("its test fails on the patched copy: " + gocmd.OneLine(did.output))
		case !fixed:
			r.Output = shown(did.output)
		}
	}
	return nil
}

// noise is what of a test's output is another each time.
var noise = regexp.MustCompile(`(?m)^(--- .*) \(.*\)$|^(?:===|goroutine|exit status|FAIL|created by|\t|\S+\().*\n`)

// shown is what of a test's output belongs into a report.
func shown(output string) string { return strings.TrimSpace(noise.ReplaceAllString(output, "$1")) }

// run runs the test of a report before the fix or after it.
func (p *prover) run(ctx context.Context, r *report, fixed bool) (result, error) {
	if m, other := modules[r.kind]; other {
		return p.inModule(ctx, r, m, fixed)
	}
	if r.kind == "answer" || r.kind == "endless" {
		return p.extracted(ctx, r, fixed)
	}
	return p.inShim(ctx, r, fixed)
}

// tree is a copy of the pinned hcsshim with the tests of all reports: as it is, "patched",
// or with "more", which is what proves the other reports, too.
func (p *prover) tree(name string) (dir string, err error) {
	dir = filepath.Join(p.work, name)
	if _, err := os.Stat(dir); err == nil {
		return dir, nil
	}
	source, err := extract.Locate(p.root, "")
	if err == nil {
		p.release = source.Name
		err = workspace.CopyTree(dir, source.Dir, ".git")
	}
	if err == nil && name != "release" {
		err = apply(dir)
	}
	if err == nil && name == "more" {
		err = applyMore(dir)
	}
	for _, r := range p.reports {
		if err == nil && r.Windows && r.Last == "" {
			err = r.put(dir)
		}
	}
	return dir, err
}

// extracted runs a test that calls nothing but readOptions, as one of the package that the
// suite extracts that to.
func (p *prover) extracted(ctx context.Context, r *report, fixed bool) (result, error) {
	b, err := p.extraction(r, fixed)
	if err != nil {
		return result{}, err
	}
	if !fixed {
		r.Release, r.How = "hcsshim "+b.Source.Name, "readOptions, extracted and run"
	}
	source, err := r.source()
	if err != nil {
		return result{}, err
	}
	source = bytes.Replace(source, []byte("//go:build windows\n"), nil, 1)
	source = bytes.Replace(source, []byte("package main\n"), []byte("package extracted\n"), 1)
	name := filepath.Join(filepath.Dir(b.DecoderFile()), r.File)
	defer os.Remove(name)
	if err := os.WriteFile(name, source, 0o666); err != nil {
		return result{}, err
	}
	return try(b.Go(ctx, settings.Test{}, "test", "-v", "-run=^"+r.Test+"$", extract.Module))
}

// extraction is what a test that calls nothing but readOptions is run on.
func (p *prover) extraction(r *report, fixed bool) (*extract.Build, error) {
	switch {
	case !fixed:
		return extract.Prepare(p.root, r.Last, "")
	case r.Last != "":
		return extract.Prepare(p.root, r.Fixed, "")
	case p.patched != nil:
		return p.patched, nil
	}
	dir, err := p.tree("patched")
	if err == nil {
		p.patched, err = extract.Prepare(p.root, dir, "")
	}
	return p.patched, err
}

// inModule runs a test in a copy of a module alone: of a release, of its patched copy, or
// of the release with the fix.
func (p *prover) inModule(ctx context.Context, r *report, of module, fixed bool) (result, error) {
	if r.kind == "runc" && runtime.GOOS != "linux" {
		return result{}, errNeedsLinux
	}
	version := cmp.Or(r.Last, of.version)
	if fixed && r.Last != "" {
		version = r.Fixed
	}
	if !fixed {
		r.Release, r.How = of.path+" "+version, "run with Go"
	}
	m, err := gocmd.Download(of.path, version)
	if err != nil {
		return result{}, err
	}
	dir := filepath.Join(p.work, "module")
	err = errors.Join(os.RemoveAll(dir), workspace.CopyTree(dir, m.Dir))
	if err == nil && fixed && r.Last == "" {
		err = edit(filepath.Join(dir, filepath.FromSlash(of.changed)), []change{of.change})
	}
	if err := errors.Join(err, r.put(dir)); err != nil {
		return result{}, err
	}
	return try(gocmd.Command(ctx, dir, "go", "test", "-mod=mod", "-v", "-run=^"+r.Test+"$", "./"+r.Folder))
}

// inShim runs a test of the shim that is built for Windows.
func (p *prover) inShim(ctx context.Context, r *report, fixed bool) (result, error) {
	if p.host == nil {
		host, err := wine.Open(filepath.Join(p.root, "build", "wine"))
		if err != nil {
			return result{}, err
		}
		p.host = host
		if err := host.Start(ctx); err != nil {
			return result{}, err
		}
	}
	name := "release"
	if fixed && r.Patched {
		name = "patched"
	} else if fixed {
		name = "more"
	}
	tree, err := p.tree(name)
	if err != nil {
		return result{}, err
	}
	if !fixed {
		r.Release, r.How = "hcsshim "+p.release, "compiled for Windows, and run"+under
	}
	dir := filepath.Join(tree, filepath.FromSlash(r.Folder))
	if p.programs[dir] == "" {
		fmt.Printf("  building the tests of %s for Windows; the first time this takes minutes\n", gocmd.FromHere(dir))
		if p.programs[dir], err = shims.BuildTests(ctx, tree, r.Folder, tree+".built"); err != nil {
			return result{}, err
		}
	}
	return onWindows(ctx, p.host, p.programs[dir], "^"+r.Test+"$")
}

// try runs tests.
func try(cmd *exec.Cmd) (result, error) {
	out, failed, err := workspace.Try(cmd)
	return result{failed, out}, err
}

// under is what Windows programs run under here.
var under = map[bool]string{false: " under Wine"}[runtime.GOOS == "windows"]

// onWindows runs tests of a program that is built for Windows. Its limit is many times what
// a test takes.
func onWindows(ctx context.Context, host *wine.Host, program, tests string) (result, error) {
	r, err := host.Run(ctx, wine.Command{Program: program, Args: []string{"-test.v", "-test.run=" + tests},
		Dir: filepath.Dir(program), Limit: 2 * time.Minute})
	return result{r.Exit != 0, strings.ReplaceAll(r.Stdout+r.Stderr, "\r\n", "\n")}, err
}
