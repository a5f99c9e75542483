// Package upstream has what goes to other projects: a report of each finding, with a test that
// fails, and a patch with which it passes, for a maintainer.
package upstream

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"shimfuzz/internal/gocmd"
	"shimfuzz/internal/hcsshim/extract"
	"shimfuzz/internal/settings"
	"shimfuzz/lab/compat/findings"
	"shimfuzz/lab/windows/wine"
	"shimfuzz/lab/workspace"
)

// Patch writes the commits that close findings of an hcsshim, each with a test, into
// build/patch, for git am, and leaves the patched copy beside them. If finding is "" these
// are all that are not apart. If anything fails, nothing is left there.
func Patch(ctx context.Context, root, hcsshim, finding string) error {
	dir := filepath.Join(root, "build", "patch")
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	source, err := extract.Locate(root, hcsshim)
	if err != nil {
		return err
	}
	reports, err := patched(finding)
	if err != nil {
		return err
	}
	err = replace(dir, func(work string) error {
		tree := filepath.Join(work, "hcsshim")
		if err := writePatch(ctx, source.Dir, tree, reports); err != nil {
			return err
		}
		return testPatch(ctx, root, tree, reports)
	})
	if err != nil {
		return err
	}
	fmt.Printf("in hcsshim %s:\n  git am %s/*.patch\n", source.Name, settings.Quote(dir))
	fmt.Printf("hold the patched copy to the contract:\n  make test HCSSHIM=%s FINDINGS=%s\n"+
		"  make -C lab e2e HCSSHIM=%[1]s FINDINGS=%[2]s\n",
		settings.Quote(gocmd.FromHere(filepath.Join(dir, "hcsshim"))), without(reports))
	return nil
}

// patched are the reports of the findings that the patch closes, in its order.
func patched(finding string) ([]*report, error) {
	reports, err := choose(finding, func(s subject) bool {
		return project(s.Program) == "hcsshim" && len(s.changes) > 0 && (finding != "" || !s.apart)
	})
	if err == nil && len(reports) == 0 {
		err = fmt.Errorf("FINDING=%s: no change of hcsshim closes it: make -C lab report has what there is", finding)
	}
	return reports, err
}

// replace makes the folder dir anew: make fills a folder beside it, which becomes dir if
// there is no error, and goes otherwise.
func replace(dir string, make func(work string) error) error {
	work := dir + ".new"
	defer os.RemoveAll(work)
	if err := errors.Join(os.RemoveAll(dir), os.RemoveAll(work), os.MkdirAll(work, 0o777)); err != nil {
		return err
	}
	if err := make(work); err != nil {
		return err
	}
	return os.Rename(work, dir)
}

// writePatch makes the commits in a copy of hcsshim, and the mails with them beside it.
func writePatch(ctx context.Context, source, tree string, reports []*report) error {
	if err := repository(ctx, tree, source); err != nil {
		return err
	}
	if _, err := git(ctx, tree, "var", "GIT_AUTHOR_IDENT"); err != nil {
		return fmt.Errorf("the patch is signed off by who makes it: set git's user.name and user.email (%w)", err)
	}
	for i, r := range reports {
		if err := apply(tree, r.changes); err != nil {
			return fmt.Errorf("%s: %w", r.Name, err)
		}
		tests, err := testFile(reports[:i+1])
		name := filepath.Join(tree, filepath.FromSlash(r.Folder), "options_test.go")
		if err := errors.Join(err, os.WriteFile(name, tests, 0o666)); err != nil {
			return err
		}
		message := line.ReplaceAllString(string(text("commit", r)), "$1\n")
		if err := commit(ctx, tree, "commit", "-s", "-m", message); err != nil {
			return err
		}
	}
	_, err := git(ctx, tree, "format-patch", "-q", "-o", "..", fmt.Sprintf("-%d", len(reports)))
	return err
}

// testPatch runs the tests of the patch in the patched copy, with Wine.
func testPatch(ctx context.Context, root, tree string, reports []*report) error {
	p := &prover{root: root}
	defer p.close()
	defer os.RemoveAll(tree + ".module")
	names := make([]string, len(reports))
	for i, r := range reports {
		names[i] = r.Test
	}
	out, err := p.test(ctx, tree, reports[0].program, "^("+strings.Join(names, "|")+")$")
	if errors.Is(err, wine.ErrMissing) {
		fmt.Printf("  NOT RUN: the tests of the patch: %v\n", err)
		return nil
	}
	if err == nil && strings.Count("\n"+out, "\n--- PASS: ") < len(reports) {
		err = fmt.Errorf("the tests of the patch fail on it:\n%s", shown(out))
	}
	if err == nil {
		fmt.Println("go vet passes, and so do the tests of the patch")
	}
	return err
}

// repository makes a git repository with a copy of a tree.
func repository(ctx context.Context, tree, source string) error {
	if err := workspace.CopyTree(tree, source, ".git"); err != nil {
		return err
	}
	_, errInit := git(ctx, tree, "init", "-q")
	return errors.Join(errInit, commit(ctx, tree, "-c", "user.name=nobody", "-c", "user.email=nobody@localhost",
		"commit", "-m", "unpatched"))
}

// commit commits all changes of a tree.
func commit(ctx context.Context, tree string, args ...string) error {
	_, errAdd := git(ctx, tree, "add", "-A")
	_, errCommit := git(ctx, tree, append(args, "-q")...)
	return errors.Join(errAdd, errCommit)
}

// git runs git in a copy, and never as somebody of whom only this machine knows.
func git(ctx context.Context, tree string, args ...string) (string, error) {
	own := []string{"-c", "core.autocrlf=false", "-c", "core.hooksPath=/dev/null", "-c", "commit.gpgSign=false",
		"-c", "user.useConfigOnly=true"}
	out, err := gocmd.Output(gocmd.Command(ctx, tree, "git", append(own, args...)...))
	if err != nil {
		err = fmt.Errorf("git: %s", gocmd.OneLine(err.Error()))
	}
	return string(out), err
}

// line is what fits into a line of a commit's message.
var line = regexp.MustCompile(`(.{1,72})(?: |\n|$)`)

// without is a list for FINDINGS, which leaves out what reports are of, in their shim alone.
func without(reports []*report) string {
	list := findings.Newest
	for _, r := range reports {
		_, dir, _ := strings.Cut(r.Folder, "containerd-shim-")
		list += ",-" + r.Finding + "@" + dir
	}
	return list
}
