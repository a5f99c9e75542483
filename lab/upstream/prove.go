package upstream

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"

	"shimfuzz/corpus"
	"shimfuzz/internal/gocmd"
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
	errDir := os.MkdirAll(dir, 0o777)
	// With a module of their own the tests are not a part of ./... of this one.
	errMod := os.WriteFile(filepath.Join(dir, "go.mod"), []byte("module reports\n"), 0o666)
	work, err := os.MkdirTemp(dir, "work-")
	if err := errors.Join(errDir, errMod, err); err != nil {
		return err
	}
	p := &prover{root: root, work: work, reports: reports}
	defer p.close()
	written := 0
	for _, r := range reports {
		err := r.prove(func(fixed bool) (string, error) { return p.run(ctx, r, fixed) })
		if err == nil {
			err = r.write(dir)
		}
		if err != nil {
			fmt.Printf("  NOT WRITTEN: %s: %v\n", r.Name, err)
			continue
		}
		written++
		fmt.Printf("  %-37s fails on %s, passes on %s: %s\n", r.Name, r.Release, cmp.Or(r.Fixed, "its patched copy"),
			gocmd.FromHere(filepath.Join(dir, r.Name+".md")))
	}
	fmt.Printf("%d of %d reports written\n", written, len(reports))
	if written == 0 || written < len(reports) {
		return gocmd.ErrReported
	}
	return nil
}

// choose returns the reports of a finding, or all if it is "", and says of which there are none.
func choose(finding string) (chosen []*report, err error) {
	cases, err := corpus.Load()
	if err != nil {
		return nil, err
	}
	known := make(map[string]bool)
	for _, s := range subjects {
		known[s.Finding] = true
		if s.Finding != finding && finding != "" {
			continue
		}
		if s.unreported != "" {
			fmt.Printf("  NOT WRITTEN: %s of %s: %s\n", s.Finding, project(s.Program), s.unreported)
			continue
		}
		chosen = append(chosen, newReport(s, cases))
	}
	if finding != "" && !known[finding] {
		names := slices.Sorted(maps.Keys(known))
		return nil, fmt.Errorf("FINDING=%s: want one of %s", finding, strings.Join(names, ", "))
	}
	return chosen, nil
}

// prove is an error unless the test of the report, whose output run returns, fails before
// the fix and passes after it.
func (r *report) prove(run func(fixed bool) (string, error)) error {
	for _, fixed := range []bool{false, true} {
		out, err := run(fixed)
		passes := strings.Contains(out, "--- PASS: "+r.Test+" ")
		switch {
		case err != nil:
			return err
		case !strings.Contains(out, "=== RUN   "+r.Test+"\n"): // what failed then is something else
			return errors.New("its test did not run: " + gocmd.OneLine(out))
		case passes && !fixed:
			return errors.New("its test passes on the unpatched " + r.Release)
		case !passes && fixed:
			return errors.New("its test fails on the patched copy: " + gocmd.OneLine(out))
		case !fixed:
			r.Output = shown(out)
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

// run returns what the test of a report prints before the fix or after it: on the release
// that has the fix, or else on a copy.
func (p *prover) run(ctx context.Context, r *report, fixed bool) (string, error) {
	if r.OS != "" && r.OS != "windows" && r.OS != runtime.GOOS {
		return "", errors.New("its test needs " + r.OS)
	}
	version := r.version
	if fixed && r.Fixed != "" {
		version, fixed = r.Fixed, false
	}
	tree := filepath.Join(p.work, path.Base(r.path)+"-"+version)
	if fixed {
		tree += "-fixed"
	}
	if _, err := os.Stat(tree); err != nil {
		if err := p.copy(tree, r, version, fixed); err != nil {
			return "", err
		}
	}
	return p.test(ctx, tree, r.program, "^"+r.Test+"$")
}

// copy makes a copy of a release of the report's module, or of that with its fixes, with the
// tests of all reports that are proven on that release.
func (p *prover) copy(tree string, of *report, version string, fixed bool) error {
	m, err := gocmd.Download(of.path, version)
	if err != nil {
		return err
	}
	err = workspace.CopyTree(tree, m.Dir)
	if err == nil && fixed {
		err = apply(tree, of.fixes)
	}
	for _, r := range p.reports {
		if r.path == of.path && (version == r.version || version == r.Fixed) {
			err = errors.Join(err, r.write(filepath.Join(tree, filepath.FromSlash(r.Folder))))
		}
	}
	return err
}

// test runs tests of a program in a copy, with all of go vet and under Wine if they are for
// Windows, and returns what they print. The limit is many times what they take. Without
// Wine its error is wine.ErrMissing.
func (p *prover) test(ctx context.Context, tree string, of program, tests string) (out string, err error) {
	args := []string{"test", "-mod=mod", "-v", "-count=1", "-timeout=2m", "-run=" + tests}
	var env []string
	if of.OS == "windows" {
		if p.host == nil {
			fmt.Println("  building the tests of hcsshim's shims for Windows; the first time this takes minutes")
			p.host, err = wine.Start(ctx, p.root)
		}
		module, errModule := shims.Module(tree, tree+".module")
		if err := errors.Join(err, errModule); err != nil {
			return "", err
		}
		args, env = slices.Concat(args, module, []string{"-trimpath", "-vet=all"}), p.host.Tests()
	}
	cmd := gocmd.Command(ctx, tree, "go", append(args, "./"+of.Folder)...)
	cmd.Env = append(cmd.Env, env...)
	out, _, err = workspace.Try(cmd)
	return out, err
}
