package upstream

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
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
	"shimfuzz/lab/workspace"
)

// Reports writes the report of a finding, or of each if finding is "", into build/reports.
// The test of each must fail on the release and pass with the fix.
func Reports(ctx context.Context, root, finding string) error {
	reports, err := choose(finding)
	if err != nil {
		return err
	}
	dir := filepath.Join(root, "build", "reports")
	// With a module of their own the tests are not a part of ./... of this one.
	if err := errors.Join(os.MkdirAll(dir, 0o777),
		os.WriteFile(filepath.Join(dir, "go.mod"), []byte("module reports\n"), 0o666)); err != nil {
		return err
	}
	p := &prover{root: root, work: filepath.Join(dir, "work"), reports: reports}
	release, err := wine.Lock(p.work + ".lock")
	if err != nil {
		return fmt.Errorf("another make -C lab report runs: %w", err)
	}
	defer release()
	defer p.close()
	written := 0
	for _, r := range reports {
		err := r.proven(func(fixed bool) (result, error) { return p.run(ctx, r, fixed) })
		if len(reports) > 1 && (errors.As(err, new(wine.Missing)) || errors.Is(err, errOtherOS)) {
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
		fmt.Printf("  %-37s fails on %s, passes on %s: %s\n", r.Name, r.Release, cmp.Or(r.Fixed, "its patched copy"),
			gocmd.FromHere(filepath.Join(dir, r.Name+".md")))
	}
	for _, u := range unreported {
		if finding == "" || u.finding == finding {
			fmt.Printf("  NOT WRITTEN: %s of %s: %s\n", u.finding, u.project, u.why)
		}
	}
	fmt.Printf("%d of %d reports written\n", written, len(reports))
	return nil
}

// choose returns the reports of a finding, all of them if it is "". It is an error, which
// says why, if there are none.
func choose(finding string) (chosen []*report, err error) {
	var names []string
	for _, s := range subjects {
		names = append(names, s.Finding)
		if s.Finding != finding && finding != "" {
			continue
		}
		r, err := newReport(s)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", s.Finding, err)
		}
		chosen = append(chosen, r)
	}
	if len(chosen) > 0 {
		return chosen, nil
	}
	for _, u := range unreported {
		if u.finding == finding {
			return nil, fmt.Errorf("FINDING=%s: there is no report of it: %s", finding, u.why)
		}
	}
	slices.Sort(names)
	return nil, fmt.Errorf("FINDING=%s: want one of %s", finding, strings.Join(slices.Compact(names), ", "))
}

// errOtherOS is the error of a report whose test runs on another system alone.
var errOtherOS = errors.New("its test needs another system")

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

// prover runs the tests of reports. What that needs is made when it is first needed.
type prover struct {
	root, work string
	reports    []*report
	host       *wine.Host
}

func (p *prover) close() {
	if p.host != nil {
		p.host.Stop()
	}
	os.RemoveAll(p.work)
}

// run runs the test of a report before the fix or after it: in the release that has the fix,
// or in a copy.
func (p *prover) run(ctx context.Context, r *report, fixed bool) (result, error) {
	version := cmp.Or(r.Last, r.newest)
	if fixed && r.Fixed != "" {
		version, fixed = r.Fixed, false
	}
	if r.Template == "answer" {
		return p.extracted(ctx, r, version, fixed)
	}
	if r.OS == "windows" {
		return p.inShim(ctx, r, fixed)
	}
	if r.OS != "" && r.OS != runtime.GOOS {
		return result{}, fmt.Errorf("%w: %s", errOtherOS, r.OS)
	}
	tree, err := p.tree(r.path, version, r.Template+fmt.Sprint(fixed))
	if err == nil && fixed {
		err = apply(tree, []change{r.fix})
	}
	if err != nil {
		return result{}, err
	}
	return r.test(gocmd.Command(ctx, tree, "go", "test", "-mod=mod", "-v", "-run=^"+r.Test+"$", "./"+r.Folder),
		filepath.Join(tree, filepath.FromSlash(r.Folder)))
}

// tree is a new copy of a module, of that name.
func (p *prover) tree(path, version, name string) (dir string, err error) {
	dir = filepath.Join(p.work, name)
	m, err := gocmd.Download(path, version)
	if err != nil {
		return "", err
	}
	return dir, errors.Join(os.RemoveAll(dir), workspace.CopyTree(dir, m.Dir))
}

// hcsshim is a copy of the newest hcsshim, or of that with the fixes, with the tests of all
// reports for its shims.
func (p *prover) hcsshim(fixed bool) (tree string, err error) {
	name, of := map[bool]string{false: "release", true: "patched"}[fixed], modules["hcsshim"]
	if _, err := os.Stat(filepath.Join(p.work, name)); err == nil {
		return filepath.Join(p.work, name), nil
	}
	tree, err = p.tree(of.path, of.newest, name)
	if err == nil && fixed {
		err = errors.Join(patch(tree), apply(tree, moreChanges), put(tree, lcowDir, "read_options.go"))
	}
	for _, r := range p.reports {
		if r.OS == "windows" && r.Last == "" {
			err = errors.Join(err, r.write(filepath.Join(tree, filepath.FromSlash(r.Folder))))
		}
	}
	return tree, err
}

// extracted runs a test that calls nothing but readOptions, as one of the package that the
// suite extracts that to.
func (p *prover) extracted(ctx context.Context, r *report, spec string, fixed bool) (_ result, err error) {
	if fixed {
		if spec, err = p.hcsshim(true); err != nil {
			return result{}, err
		}
	}
	b, err := extract.Prepare(p.root, spec, "")
	if err != nil {
		return result{}, err
	}
	return r.test(b.Go(ctx, settings.Test{}, "test", "-v", "-run=^"+r.Test+"$", extract.Module),
		filepath.Dir(b.DecoderFile()), "//go:build windows\n", "", "package main\n", "package extracted\n")
}

// test runs the report's test, which it puts into a folder, with replacements of its text.
func (r *report) test(cmd *exec.Cmd, dir string, replaced ...string) (result, error) {
	source, err := r.source()
	if err != nil {
		return result{}, err
	}
	file := filepath.Join(dir, r.File)
	defer os.Remove(file)
	source = []byte(strings.NewReplacer(replaced...).Replace(string(source)))
	if err := os.WriteFile(file, source, 0o666); err != nil {
		return result{}, err
	}
	out, failed, err := workspace.Try(cmd)
	return result{failed, out}, err
}

// inShim runs a test of a shim that is built for Windows.
func (p *prover) inShim(ctx context.Context, r *report, fixed bool) (result, error) {
	if _, err := wine.Open(""); err != nil { // before a build that takes minutes
		return result{}, err
	}
	tree, err := p.hcsshim(fixed)
	if err != nil {
		return result{}, err
	}
	return p.onWindows(ctx, tree, r.Folder, "^"+r.Test+"$")
}

// under is what Windows programs run under here.
var under = map[bool]string{false: " under Wine"}[runtime.GOOS == "windows"]

// onWindows builds the tests of a shim for Windows, with go vet, and runs some. The limit is
// many times what these take. Without Wine its error is wine.Missing.
func (p *prover) onWindows(ctx context.Context, tree, folder, tests string) (result, error) {
	program := filepath.Join(tree+".built", filepath.Base(folder)+".test.exe")
	if _, err := os.Stat(program); err != nil {
		fmt.Printf("  building the tests of %s for Windows; the first time this takes minutes\n",
			gocmd.FromHere(filepath.Join(tree, folder)))
		if program, err = shims.BuildTests(ctx, tree, folder, tree+".built"); err != nil {
			return result{}, err
		}
	}
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
	r, err := p.host.Run(ctx, wine.Command{Program: program, Args: []string{"-test.v", "-test.run=" + tests},
		Dir: filepath.Dir(program), Limit: 2 * time.Minute})
	return result{r.Exit != 0, strings.ReplaceAll(r.Stdout+r.Stderr, "\r\n", "\n")}, err
}
