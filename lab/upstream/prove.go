package upstream

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"

	"shimfuzz/internal/gocmd"
	"shimfuzz/lab/windows/shims"
	"shimfuzz/lab/windows/wine"
	"shimfuzz/lab/workspace"
)

// Reports writes the report of a finding, or of each if finding is "", into build/reports.
// The test of each must fail on the release and pass with the fix.
func Reports(ctx context.Context, root, finding string) error {
	reports, err := choose(finding, reported)
	if err != nil {
		return err
	}
	dir := filepath.Join(root, "build", "reports")
	errDir := os.MkdirAll(dir, 0o777)
	work, err := os.MkdirTemp(dir, "work-")
	if err := errors.Join(errDir, err); err != nil {
		return err
	}
	p := &prover{root: root, work: work}
	defer p.close()
	written := 0
	for _, r := range reports {
		page := filepath.Join(dir, r.Name+".md")
		err := os.RemoveAll(page)
		if err == nil {
			err = r.prove(func(fixed bool) (string, error) { return p.run(ctx, r, fixed) })
		}
		if err == nil {
			err = os.WriteFile(page, text("report", r), 0o666)
		}
		if err != nil {
			fmt.Printf("  NOT WRITTEN: %s: %v\n", r.Name, err)
			continue
		}
		written++
		fmt.Printf("  %-37s fails on %s, passes on %s: %s\n", r.Name, r.Release, cmp.Or(r.Fixed, "its patched copy"),
			gocmd.FromHere(page))
	}
	fmt.Printf("%d of %d reports written\n", written, len(reports))
	if written == 0 || written < len(reports) {
		return gocmd.ErrReported
	}
	return nil
}

// reported says why there is no report of a subject, if so.
func reported(s subject) bool {
	if s.unreported != "" {
		fmt.Printf("  NOT WRITTEN: %s of %s: %s\n", s.Finding, project(s.Program), s.unreported)
	}
	return s.unreported == ""
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
	host       *wine.Host
}

func (p *prover) close() {
	if p.host != nil {
		p.host.Stop()
	}
	os.RemoveAll(p.work)
}

// run returns what the test of a report prints before the fix or after it: on the release
// that has the fix, or else on a copy with the changes of this report alone.
func (p *prover) run(ctx context.Context, r *report, fixed bool) (string, error) {
	if r.OS != "" && r.OS != "windows" && r.OS != runtime.GOOS {
		return "", errors.New("its test needs " + r.OS)
	}
	version := r.version
	if fixed && r.Fixed != "" {
		version = r.Fixed
	}
	tree, err := p.tree(ctx, r.path, version)
	if err != nil {
		return "", err
	}
	if version == r.version && fixed {
		errApply := apply(tree, r.changes)
		r.Diff, err = git(ctx, tree, "diff")
		if err := errors.Join(errApply, err); err != nil {
			return "", err
		}
	}
	source, err := testFile([]*report{r})
	name := filepath.Join(tree, filepath.FromSlash(r.Folder), "report_test.go")
	if err := errors.Join(err, os.WriteFile(name, source, 0o666)); err != nil {
		return "", err
	}
	return p.test(ctx, tree, r.program, "^"+r.Test+"$")
}

// tree makes a copy of a release of a module, or makes it as it was again.
func (p *prover) tree(ctx context.Context, module, version string) (string, error) {
	tree := filepath.Join(p.work, path.Base(module)+"-"+version)
	if _, err := os.Stat(tree); err == nil {
		_, errReset := git(ctx, tree, "reset", "-q", "--hard")
		_, errClean := git(ctx, tree, "clean", "-q", "-fd")
		return tree, errors.Join(errReset, errClean)
	}
	m, err := gocmd.Download(module, version)
	if err != nil {
		return "", err
	}
	return tree, repository(ctx, tree, m.Dir)
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
