// Package upstream has what goes to other projects, and what comes from them: a report of
// each finding, with a test that fails, and a patch with which it passes, for a maintainer;
// and what their newest releases change.
package upstream

import (
	"bytes"
	"context"
	"embed"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"text/template"

	"golang.org/x/tools/imports"

	"shimfuzz/internal/gocmd"
	"shimfuzz/internal/hcsshim/extract"
	"shimfuzz/internal/settings"
	"shimfuzz/lab/compat/findings"
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

// change is a change of a package in the folder dir: what matches old becomes new.
type change struct{ dir, old, new string }

// to is a change to a part of fixes.tmpl.
func to(dir, old, name string) change {
	return change{dir, old, strings.TrimPrefix(string(text(name, nil)), "\n")}
}

// changes are those of the patch, which has its readOptions in a file of its own.
var changes = []change{
	{shimDir, `(?m)^(?://.*\n)*func readOptions\((?s:.*?)\n}\n`, ""},
	{shimDir, `typeurl\.UnmarshalAny\(req\.Options\)`, "unmarshalOptions(req.Options)"},
	{shimDir, `\bv\.\(\*runhcsopts\.Options\)`, "v"},
	{shimDir, `case runhcsopts\.Options_FILE:\n.*\n`,
		"default:\nreturn errors.Errorf(\"debug type %v is not supported\", shimOpts.DebugType)\n"},
	{shimDir, `errors\.Wrapf\(err, "failed to parse shim log level %q", shimOpts.LogLevel\)`, logLevelError},
	to(shimDir, `\tpid = cmd\.Process\.Pid\n`, "start"),
}

// logLevelError does not have the error of logrus, which repeats the level.
const logLevelError = `errors.Errorf("failed to parse shim log level %.100q", shimOpts.LogLevel)`

// moreChanges are for the reports whose fix the patch does not have, which lcow-v2 reads
// with the same readOptions. That of the log level is not in it because by its error
// make -C lab e2e sees which options have arrived.
var moreChanges = []change{
	{shimDir, `return ` + regexp.QuoteMeta(logLevelError),
		"lvl = logrus.GetLevel()\n" + strings.Replace(logLevelError, "errors.Errorf", "logrus.Warnf", 1)},
	to(lcowDir, `if err := proto\.Unmarshal\(data, &params\); err != nil {\n`, "lcow options"),
	to(lcowDir, `\t_, _ = windows\.WaitForSingleObject\(handle, windows\.INFINITE\)\n`, "lcow start"),
}

// apply makes changes in a copy of a module. Each has to be for some place in its package.
func apply(tree string, changes []change) error {
	for _, c := range changes {
		names, err := filepath.Glob(filepath.Join(tree, filepath.FromSlash(c.dir), "*.go"))
		old, found := regexp.MustCompile(c.old), false
		for _, name := range names {
			text, errRead := os.ReadFile(name)
			err = errors.Join(err, errRead)
			if strings.HasSuffix(name, "_test.go") || !old.Match(text) {
				continue
			}
			// What is imported may be another.
			text, errImports := imports.Process(name, old.ReplaceAllLiteral(text, []byte(c.new)), nil)
			err, found = errors.Join(err, errImports, os.WriteFile(name, text, 0o666)), true
		}
		if err == nil && !found {
			err = fmt.Errorf("nothing to patch in %s: not found: %s", c.dir, old)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// patch makes the changes of the patch in a copy of hcsshim, with their tests.
func patch(tree string) error {
	return errors.Join(apply(tree, changes), put(tree, shimDir, "read_options.go"),
		put(tree, shimDir, "read_options_test.go"))
}

// put writes a file of the patch.
func put(tree, dir, name string) error {
	return os.WriteFile(filepath.Join(tree, filepath.FromSlash(dir), name), text(name+".tmpl", nil), 0o666)
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
	p := &prover{root: root}
	defer p.close()
	r, err := p.onWindows(ctx, tree, shimDir, "^("+strings.Join(tests, "|")+")$")
	switch {
	case errors.As(err, new(wine.Missing)):
		fmt.Printf("  go vet passes. NOT RUN: the tests of the patch: %v\n", err)
	case err != nil:
		return err
	case r.failed || strings.Count("\n"+r.output, "\n--- PASS: ") < len(tests):
		return fmt.Errorf("the tests of the patch fail on it:\n%s", shown(r.output))
	default:
		fmt.Println("  go vet passes, and so do the tests of the patch")
	}
	fmt.Printf("for hcsshim %s:\n  git am %s\n", source.Name, settings.Quote(gocmd.FromHere(name)))
	fmt.Printf("hold the patched copy to the contract:\n  make test HCSSHIM=%s FINDINGS=none\n  make -C lab e2e "+
		"HCSSHIM=%[1]s FINDINGS=%s\n", settings.Quote(gocmd.FromHere(tree)), fixed())
	return nil
}

// writePatch writes the patched copy into dir, which it replaces, and beside it the patch.
func writePatch(ctx context.Context, source *extract.Source, dir string) (name string, err error) {
	tree, name := filepath.Join(dir, "hcsshim"), filepath.Join(dir, "read-options.patch")
	if err := errors.Join(os.RemoveAll(dir), workspace.CopyTree(tree, source.Dir, ".git")); err != nil {
		return "", err
	}
	_, errInit := git(ctx, tree, "init", "-q")
	_, errOld := git(ctx, tree, "add", "-A")
	errPatch := patch(tree)
	_, errNew := git(ctx, tree, "add", "-AN")
	diff, errDiff := git(ctx, tree, "diff")
	author, errAuthor := git(ctx, tree, "var", "GIT_AUTHOR_IDENT") // ends with a time
	if err := errors.Join(errInit, errOld, errPatch, errNew, errDiff, errAuthor); err != nil {
		return "", err
	}
	author = author[:strings.LastIndex(author, ">")+1]
	mail := fmt.Sprintf("From: %s\nSubject: [PATCH] %s---\n%s", author, text("message.txt", nil), diff)
	return name, os.WriteFile(name, []byte(mail), 0o666)
}

// git runs git in the copy. A user who has told it no address there gets one.
func git(ctx context.Context, tree string, args ...string) (string, error) {
	cmd := gocmd.Command(ctx, tree, "git", append([]string{"-c", "core.autocrlf=false"}, args...)...)
	cmd.Env = append([]string{"EMAIL=shimfuzz@localhost"}, cmd.Env...)
	out, err := gocmd.Output(cmd)
	if err != nil {
		err = fmt.Errorf("git: %s", gocmd.OneLine(err.Error()))
	}
	return string(out), err
}

// tests are those of the patch.
var tests = []string{"TestReadOptions", "TestCreateRefusesOptions"}

// fixed is a list for FINDINGS, which leaves out what the patch closes in runhcs-v1.
func fixed() string {
	list := findings.Newest
	for _, s := range subjects {
		if s.Apart || s.Last != "" {
			continue
		}
		list += ",-" + s.Finding
		if findings.All.Of(findings.LCOW, findings.Newest).Has(s.Finding) { // which the patch does not change
			list += "@runhcs-v1"
		}
	}
	return list
}
