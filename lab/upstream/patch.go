// Package upstream writes what a maintainer takes home: a report of each finding,
// with a test that fails, and a patch with which it passes.
package upstream

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"shimfuzz/internal/gocmd"
	"shimfuzz/internal/hcsshim/extract"
	"shimfuzz/lab/windows/shims"
	"shimfuzz/lab/windows/wine"
)

// The folders of the shims in hcsshim: of the one that is patched, and of the other.
const (
	shimDir = "cmd/containerd-shim-runhcs-v1"
	lcowDir = "cmd/containerd-shim-lcow-v2"
)

// Tree is a copy of an hcsshim that is patched.
type Tree struct{ Dir string }

// Copy copies an hcsshim to dir, which it replaces.
func Copy(s *extract.Source, dir string) (Tree, error) {
	if err := os.RemoveAll(dir); err != nil {
		return Tree{}, err
	}
	return Tree{Dir: dir}, gocmd.CopyTree(dir, s.Dir, ".git")
}

// Apply makes the changes of the patch, with their tests.
func (t Tree) Apply() error {
	dir := filepath.Join(t.Dir, filepath.FromSlash(shimDir))
	if err := edit(dir, changes); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "read_options_test.go"), []byte(template("read_options_test.go.tmpl")),
		0o666)
}

// applyMore makes the changes that prove reports, and that the patch does not have.
func (t Tree) applyMore() error {
	lcow := filepath.Join(t.Dir, filepath.FromSlash(lcowDir))
	return errors.Join(
		edit(filepath.Join(t.Dir, filepath.FromSlash(shimDir)), moreChanges),
		edit(lcow, lcowChanges),
		os.WriteFile(filepath.Join(lcow, "options.go"),
			[]byte(template("lcow_options.go.tmpl")+template("readoptions.go.tmpl")), 0o666))
}

// Patch writes the commit that closes the findings of an hcsshim into dir, for git
// am, and leaves the patched copy beside it.
func Patch(ctx context.Context, s *extract.Source, dir string) (name string, t Tree, err error) {
	old, err := filepath.Glob(filepath.Join(dir, "*.patch"))
	if err != nil {
		return "", t, err
	}
	for _, name := range old {
		if err := os.Remove(name); err != nil {
			return "", t, err
		}
	}
	if t, err = Copy(s, filepath.Join(dir, "hcsshim")); err != nil {
		return "", t, err
	}
	for _, step := range []func() error{
		func() error { return t.git(ctx, "init", "-q") },
		func() error { return t.commit(ctx, "hcsshim "+s.Name) },
		t.Apply,
		func() error { return t.commit(ctx, template("message.txt")) },
		func() error { return t.git(ctx, "format-patch", "-q", "-1", "-o", dir) },
	} {
		if err := step(); err != nil {
			return "", t, err
		}
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.patch"))
	if err != nil || len(files) != 1 {
		return "", t, fmt.Errorf("git has written %d patches to %s", len(files), dir)
	}
	return files[0], t, nil
}

// tests are those of the patch.
var tests = []string{
	"TestReadOptions", "TestReadOptionsFailingReader", "TestReadOptionsLimit", "TestCreateRefusesOptions",
	"FuzzReadOptions",
}

// Check compiles the shim and its tests for Windows, with go vet, and runs those of the
// patch; without Wine the error is wine.Missing after the former.
func (t Tree) Check(ctx context.Context, root string) error {
	program, err := shims.BuildTests(ctx, t.Dir, shimDir, t.Dir+".built")
	if err != nil {
		return err
	}
	host, err := wine.Open(filepath.Join(root, "build", "wine"))
	if err != nil {
		return err
	}
	defer host.Stop()
	if err := host.Start(ctx); err != nil {
		return err
	}
	r, err := onWindows(ctx, host, program, "^("+strings.Join(tests, "|")+")$")
	if err == nil && (r.failed || strings.Count("\n"+r.output, "\n--- PASS: ") < len(tests)) {
		err = fmt.Errorf("the tests of the patch fail on it:\n%s", shown(r.output))
	}
	return err
}

func (t Tree) commit(ctx context.Context, message string) error {
	if err := t.git(ctx, "add", "-A"); err != nil {
		return err
	}
	return t.git(ctx, "commit", "-q", "-m", message)
}

// git runs git in the copy. A user without a name there gets one.
func (t Tree) git(ctx context.Context, args ...string) error {
	args = append([]string{"-c", "core.autocrlf=false", "-c", "commit.gpgsign=false", "-c", "init.defaultBranch=main"},
		args...)
	cmd := gocmd.Command(ctx, t.Dir, "git", args...)
	if _, err := gocmd.Output(gocmd.Command(ctx, t.Dir, "git", "config", "user.email")); err != nil {
		cmd.Env = append(cmd.Env, "GIT_AUTHOR_NAME=shimfuzz", "GIT_AUTHOR_EMAIL=shimfuzz@localhost",
			"GIT_COMMITTER_NAME=shimfuzz", "GIT_COMMITTER_EMAIL=shimfuzz@localhost")
	}
	if _, err := gocmd.Output(cmd); err != nil {
		return fmt.Errorf("git: %s", gocmd.OneLine(err.Error()))
	}
	return nil
}
