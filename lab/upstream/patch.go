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
	"slices"
	"strings"
	"text/template"

	"golang.org/x/tools/imports"

	"shimfuzz/internal/gocmd"
	"shimfuzz/internal/hcsshim/extract"
	"shimfuzz/internal/settings"
	"shimfuzz/lab/compat/findings"
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

// change is a change of a package in the folder dir: what matches old becomes new. Without
// old the file new is added, of the template of that name.
type change struct{ dir, old, new string }

// to is a change to a part of fixes.tmpl.
func to(dir, old, name string) change {
	return change{dir, old, strings.TrimPrefix(string(text(name, nil)), "\n")}
}

// logLevelError does not have the error of logrus, which repeats the level.
const logLevelError = `errors.Errorf("failed to parse shim log level %.100q", shimOpts.LogLevel)`

// changes are those of the patch.
var changes = []change{
	{shimDir, `(?m)^(?://.*\n)*func readOptions\((?s:.*?)\n}\n`, ""},
	{shimDir, "", "read_options.go"},
	{shimDir, "", "read_options_test.go"},
	{shimDir, `typeurl\.UnmarshalAny\(req\.Options\)`, "unmarshalOptions(req.Options)"},
	{shimDir, `\bv\.\(\*runhcsopts\.Options\)`, "v"},
	{shimDir, `case runhcsopts\.Options_FILE:\n.*\n`,
		"default:\nreturn errors.Errorf(\"debug type %v is not supported\", shimOpts.DebugType)\n"},
	{shimDir, `errors\.Wrapf\(err, "failed to parse shim log level %q", shimOpts.LogLevel\)`, logLevelError},
	to(shimDir, `\tpid = cmd\.Process\.Pid\n`, "start"),
}

// fixes close all findings of hcsshim for their reports, those too that the patch leaves,
// of lcow-v2, which reads with the same readOptions. That of the log level is not in the
// patch because by its error make -C lab e2e sees which options have arrived.
var fixes = slices.Concat(changes, []change{
	{shimDir, `return ` + regexp.QuoteMeta(logLevelError),
		"lvl = logrus.GetLevel()\n" + strings.Replace(logLevelError, "errors.Errorf", "logrus.Warnf", 1)},
	to(lcowDir, `if err := proto\.Unmarshal\(data, &params\); err != nil {\n`, "lcow options"),
	to(lcowDir, `\t_, _ = windows\.WaitForSingleObject\(handle, windows\.INFINITE\)\n`, "lcow start"),
	{lcowDir, "", "read_options.go"},
})

// apply makes changes in a copy of a module. Each has to be for some place in its package.
func apply(tree string, changes []change) error {
	for _, c := range changes {
		if err := c.apply(filepath.Join(tree, filepath.FromSlash(c.dir))); err != nil {
			return err
		}
	}
	return nil
}

// apply makes a change in the files of its package, where what is imported may be another then.
func (c change) apply(dir string) error {
	if c.old == "" {
		return os.WriteFile(filepath.Join(dir, c.new), text(c.new+".tmpl", nil), 0o666)
	}
	names, err := filepath.Glob(filepath.Join(dir, "*.go"))
	old, found := regexp.MustCompile(c.old), false
	for _, name := range names {
		text, errRead := os.ReadFile(name)
		err = errors.Join(err, errRead)
		if strings.HasSuffix(name, "_test.go") || !old.Match(text) {
			continue
		}
		text, errImports := imports.Process(name, old.ReplaceAllLiteral(text, []byte(c.new)), nil)
		err, found = errors.Join(err, errImports, os.WriteFile(name, text, 0o666)), true
	}
	if err == nil && !found {
		err = fmt.Errorf("nothing to patch in %s: not found: %s", c.dir, old)
	}
	return err
}

// tests are those of the patch.
var tests = []string{"TestReadOptions", "TestCreateRefusesOptions"}

// Patch writes the commit that closes the findings of an hcsshim into build/patch, for git
// am, leaves the patched copy beside it, and checks that.
func Patch(ctx context.Context, root, hcsshim string) error {
	source, err := extract.Locate(root, hcsshim)
	if err != nil {
		return err
	}
	dir := filepath.Join(root, "build", "patch")
	tree, mail := filepath.Join(dir, "hcsshim"), filepath.Join(dir, "read-options.patch")
	if err := errors.Join(os.RemoveAll(dir), writePatch(ctx, source, tree, mail)); err != nil {
		return err
	}
	fmt.Printf("for hcsshim %s:\n  git am %s\n", source.Name, settings.Quote(gocmd.FromHere(mail)))
	fmt.Printf("hold the patched copy to the contract:\n  make test HCSSHIM=%s FINDINGS=none\n  make -C lab e2e "+
		"HCSSHIM=%[1]s FINDINGS=%s\n", settings.Quote(gocmd.FromHere(tree)), left())
	p := &prover{root: root}
	defer p.close()
	out, err := p.test(ctx, tree, programs[findings.RunHCS], "^("+strings.Join(tests, "|")+")$")
	if err != nil {
		return fmt.Errorf("the tests of the patch: %w", err)
	}
	if strings.Count("\n"+out, "\n--- PASS: ") < len(tests) {
		return fmt.Errorf("the tests of the patch fail on it:\n%s", shown(out))
	}
	fmt.Println("go vet passes, and so do the tests of the patch")
	return nil
}

// writePatch makes the commit in a copy of hcsshim, and the mail with it.
func writePatch(ctx context.Context, source *extract.Source, tree, mail string) error {
	if err := workspace.CopyTree(tree, source.Dir, ".git"); err != nil {
		return err
	}
	commit := func(message string) error {
		_, errAdd := git(ctx, tree, "add", "-A")
		_, errCommit := git(ctx, tree, "commit", "-q", "-m", message)
		return errors.Join(errAdd, errCommit)
	}
	_, errInit := git(ctx, tree, "init", "-q")
	errOld := commit("hcsshim " + source.Name)
	errPatch := apply(tree, changes)
	errNew := commit(string(text("message.txt", nil)))
	patch, errMail := git(ctx, tree, "format-patch", "-1", "--stdout")
	return errors.Join(errInit, errOld, errPatch, errNew, errMail, os.WriteFile(mail, []byte(patch), 0o666))
}

// git runs git in a copy. A user who has told it no address gets one.
func git(ctx context.Context, tree string, args ...string) (string, error) {
	own := []string{"-c", "core.autocrlf=false", "-c", "core.hooksPath=/dev/null", "-c", "commit.gpgSign=false"}
	cmd := gocmd.Command(ctx, tree, "git", append(own, args...)...)
	cmd.Env = append([]string{"EMAIL=shimfuzz@localhost"}, cmd.Env...)
	out, err := gocmd.Output(cmd)
	if err != nil {
		err = fmt.Errorf("git: %s", gocmd.OneLine(err.Error()))
	}
	return string(out), err
}

// left is a list for FINDINGS, which leaves out what the patch closes, in runhcs-v1 alone.
func left() string {
	list := findings.Newest
	for _, s := range subjects {
		if !s.Apart && s.Last == "" && s.unreported == "" {
			list += ",-" + s.Finding + "@runhcs-v1"
		}
	}
	return list
}
