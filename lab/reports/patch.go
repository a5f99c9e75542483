// Package reports writes what a maintainer takes home: a report of each finding,
// with a test that fails, and a patch with which it passes.
package reports

import (
	"bytes"
	"context"
	"embed"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"text/template"

	"golang.org/x/tools/imports"

	"shimfuzz/internal/gocmd"
	"shimfuzz/internal/hcsshim/extract"
	"shimfuzz/internal/settings"
	"shimfuzz/lab/compat/findings"
	"shimfuzz/lab/windows/shims"
	"shimfuzz/lab/windows/wine"
	"shimfuzz/lab/workspace"
)

//go:embed templates
var files embed.FS

var templates = template.Must(template.ParseFS(files, "templates/*"))

// text is what the template of that name makes of data.
func text(name string, data any) []byte {
	var b bytes.Buffer
	if err := templates.ExecuteTemplate(&b, name, data); err != nil {
		panic(err) // it is in memory, and a test executes each
	}
	return b.Bytes()
}

// The folders of the shims in hcsshim: of the one that is patched, and of the other.
const (
	shimDir = "cmd/containerd-shim-runhcs-v1"
	lcowDir = "cmd/containerd-shim-lcow-v2"
)

// change is a change of a package: what matches old becomes new.
type change struct {
	old *regexp.Regexp
	new string
}

// to is a change to a part of fixes.tmpl.
func to(old, name string) change {
	return change{regexp.MustCompile(old), strings.TrimPrefix(string(text(name, nil)), "\n")}
}

// changes are those of the patch, which has its readOptions in a file of its own.
var changes = []change{
	{regexp.MustCompile(`(?m)^(?://.*\n)*func readOptions\((?s:.*?)\n}\n`), ""},
	{regexp.MustCompile(`typeurl\.UnmarshalAny\(req\.Options\)`), "unmarshalOptions(req.Options)"},
	{regexp.MustCompile(`\bv\.\(\*runhcsopts\.Options\)`), "v"},
	{regexp.MustCompile(`case runhcsopts\.Options_FILE:\n.*\n`),
		"default:\nreturn errors.Errorf(\"debug type %v is not supported\", shimOpts.DebugType)\n"},
	{regexp.MustCompile(`errors\.Wrapf\(err, "failed to parse shim log level %q", shimOpts.LogLevel\)`), logLevelError},
	to(`\tpid = cmd\.Process\.Pid\n`, "start"),
}

// logLevelError does not have the error of logrus, which repeats the level.
const logLevelError = `errors.Errorf("failed to parse shim log level %.100q", shimOpts.LogLevel)`

// moreChanges are further ones of the shim. The commit does not have them, because by
// this error make -C lab e2e sees which options have arrived.
var moreChanges = []change{{regexp.MustCompile(`return ` + regexp.QuoteMeta(logLevelError)),
	"lvl = logrus.GetLevel()\n" + strings.Replace(logLevelError, "errors.Errorf", "logrus.Warnf", 1)}}

var lcowChanges = []change{
	to(`if err := proto\.Unmarshal\(data, &params\); err != nil {\n`, "lcow options"),
	to(`\t_, _ = windows\.WaitForSingleObject\(handle, windows\.INFINITE\)\n`, "lcow start"),
}

// edit makes the changes in the package in dir. Each has to be for some place in it.
func edit(dir string, changes []change) error {
	names, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		return err
	}
	left := slices.Clone(changes)
	for _, name := range names {
		old, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		text := old
		for _, c := range changes {
			if !strings.HasSuffix(name, "_test.go") && c.old.Match(text) {
				text = c.old.ReplaceAllLiteral(text, []byte(c.new))
				left = slices.DeleteFunc(left, func(l change) bool { return l == c })
			}
		}
		if bytes.Equal(text, old) {
			continue
		}
		if text, err = imports.Process(name, text, nil); err != nil { // what is imported may be another
			return err
		}
		if err := os.WriteFile(name, text, 0o666); err != nil {
			return err
		}
	}
	if len(left) > 0 {
		return fmt.Errorf("nothing to patch in %s: not found: %s", dir, left[0].old)
	}
	return nil
}

// apply makes the changes of the patch in a copy of hcsshim, with their tests.
func apply(tree string) error {
	dir := filepath.Join(tree, filepath.FromSlash(shimDir))
	if err := edit(dir, changes); err != nil {
		return err
	}
	return errors.Join(
		os.WriteFile(filepath.Join(dir, "read_options.go"), text("read_options.go.tmpl", nil), 0o666),
		os.WriteFile(filepath.Join(dir, "read_options_test.go"), text("read_options_test.go.tmpl", nil), 0o666))
}

// applyMore makes the changes that prove reports, and that the patch does not have.
func applyMore(tree string) error {
	lcow := filepath.Join(tree, filepath.FromSlash(lcowDir))
	return errors.Join(
		edit(filepath.Join(tree, filepath.FromSlash(shimDir)), moreChanges),
		edit(lcow, lcowChanges),
		os.WriteFile(filepath.Join(lcow, "read_options.go"), text("read_options.go.tmpl", nil), 0o666))
}

// Patch writes the commit that closes the findings of an hcsshim into build/patch, for git
// am, leaves the patched copy beside it, and checks that.
func Patch(ctx context.Context, root, hcsshim string) error {
	source, err := extract.Locate(root, hcsshim)
	if err != nil {
		return err
	}
	dir := filepath.Join(root, "build", "patch")
	name, err := writePatch(ctx, source, dir)
	if err != nil {
		return err
	}
	tree := filepath.Join(dir, "hcsshim")
	fmt.Println("  building the tests of the patched shim for Windows; the first time this takes minutes")
	switch err := check(ctx, root, tree); {
	case errors.As(err, new(wine.Missing)):
		fmt.Printf("  go vet passes. NOT RUN: the tests of the patch: %v\n", err)
	case err != nil:
		return err
	default:
		fmt.Println("  go vet passes, and so do the tests of the patch")
	}
	fmt.Printf("for hcsshim %s:\n  git am %s\n", source.Name, settings.Quote(gocmd.FromHere(name)))
	fmt.Printf("hold the patched copy to the contract:\n  make test HCSSHIM=%s FINDINGS=none\n  make -C lab e2e "+
		"HCSSHIM=%[1]s FINDINGS=%s\n", settings.Quote(gocmd.FromHere(tree)), fixed())
	return nil
}

// writePatch writes the patched copy and the commit into dir, which it replaces.
func writePatch(ctx context.Context, source *extract.Source, dir string) (name string, err error) {
	tree := filepath.Join(dir, "hcsshim")
	if err := errors.Join(os.RemoveAll(dir), workspace.CopyTree(tree, source.Dir, ".git")); err != nil {
		return "", err
	}
	if err := errors.Join(git(ctx, tree, "init", "-q"), commit(ctx, tree, "hcsshim "+source.Name)); err != nil {
		return "", err
	}
	if err := apply(tree); err != nil {
		return "", err
	}
	if err := errors.Join(commit(ctx, tree, string(text("message.txt", nil))),
		git(ctx, tree, "format-patch", "-q", "-1", "-o", dir)); err != nil {
		return "", err
	}
	names, err := filepath.Glob(filepath.Join(dir, "*.patch"))
	if err != nil || len(names) != 1 {
		return "", fmt.Errorf("git has written %d patches to %s", len(names), dir)
	}
	return names[0], nil
}

func commit(ctx context.Context, tree, message string) error {
	return errors.Join(git(ctx, tree, "add", "-A"), git(ctx, tree, "commit", "-q", "-m", message))
}

// git runs git in the copy. A user without a name there gets one.
func git(ctx context.Context, tree string, args ...string) error {
	args = append([]string{"-c", "core.autocrlf=false", "-c", "commit.gpgsign=false", "-c", "init.defaultBranch=main"},
		args...)
	cmd := gocmd.Command(ctx, tree, "git", args...)
	if _, err := gocmd.Output(gocmd.Command(ctx, tree, "git", "config", "user.email")); err != nil {
		cmd.Env = append(cmd.Env, "GIT_AUTHOR_NAME=shimfuzz", "GIT_AUTHOR_EMAIL=shimfuzz@localhost",
			"GIT_COMMITTER_NAME=shimfuzz", "GIT_COMMITTER_EMAIL=shimfuzz@localhost")
	}
	if _, err := gocmd.Output(cmd); err != nil {
		return fmt.Errorf("git: %s", gocmd.OneLine(err.Error()))
	}
	return nil
}

// tests are those of the patch.
var tests = []string{"TestReadOptions", "TestReadOptionsLimit", "TestCreateRefusesOptions"}

// check compiles the patched shim and its tests for Windows, with go vet, and runs those of
// the patch; without Wine the error is wine.Missing after the former.
func check(ctx context.Context, root, tree string) error {
	program, err := shims.BuildTests(ctx, tree, shimDir, tree+".built")
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

// fixed is a list for FINDINGS, which leaves out what the patch closes.
func fixed() string {
	list := findings.Newest
	for _, s := range subjects {
		if s.Apart || s.Last != "" {
			continue
		}
		list += ",-" + s.Finding
		if _, too := s.of().In(findings.LCOW); too { // which the patch does not change
			list += "@runhcs-v1"
		}
	}
	return list
}
