package extract

import (
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"golang.org/x/tools/imports"
)

// moved is the release's shim with its readOptions in another package, under another
// name, and with a context: all that the extraction follows, at once.
var moved = []struct{ pattern, with string }{
	{`newShimOpts, err := readOptions\(os.Stdin\)`,
		"newShimOpts, err := shimopts.Read(context.Background(), os.Stdin)"},
	{`\n\t"context"\n`, "\n\t\"context\"\n\t\"github.com/Microsoft/hcsshim/internal/shimopts\"\n"},
	{`(?ms)^func readOptions\(r io.Reader\).*?^}\n`, ""},
}

// others are lines of the decoder's file that say what it is from, and comments.
var others = regexp.MustCompile(`^\t\t(ReadOptions|Version|Source|Dir|Build|Creates|Constants):|^// |readOptions`)

// A refactored hcsshim is tested like the release that it was: with the same text, which
// compiles.
func TestRefactored(t *testing.T) {
	root, err := filepath.Abs("../../..")
	if err != nil {
		t.Fatal(err)
	}
	release, err := Locate(root, "")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(release.Dir)); err != nil {
		t.Fatal(err)
	}
	function := refactor(t, dir)
	moved := prepared(t, root, dir)
	for line := range strings.Lines(prepared(t, root, release.Version)) {
		if !others.MatchString(line) && !strings.Contains(moved, line) {
			t.Errorf("without %q", line)
		}
	}
	for _, want := range []string{function, "return Read(ctx, r)",
		entry + "internal/shimopts.Read, which is handed os.Stdin\n"} {
		if !strings.Contains(moved, want) {
			t.Errorf("without %q", want)
		}
	}
	if t.Failed() {
		t.Logf("extracted:\n%s", moved)
	}
}

// prepared is the text of the decoder's file. That of a checkout is removed.
func prepared(t *testing.T, root, spec string) string {
	t.Helper()
	b, err := Prepare(root, spec, "")
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(b.DecoderFile())
	if b.Source.Version == "" {
		err = errors.Join(err, os.RemoveAll(b.Dir))
	}
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// refactor moves readOptions in the copy of a release, and returns its text.
func refactor(t *testing.T, dir string) string {
	t.Helper()
	serve := filepath.Join(dir, "cmd", RunHCS.Name, "serve.go")
	text, err := os.ReadFile(serve)
	if err != nil {
		t.Fatal(err)
	}
	source := string(text)
	function := regexp.MustCompile(moved[2].pattern).FindString(source)
	function = strings.Replace(function, "readOptions(", "Read(_ context.Context, ", 1)
	own := regexp.MustCompile(`(?s)\nimport \(.*?\n\)\n`).FindString(source)
	for _, m := range moved {
		pattern := regexp.MustCompile(m.pattern)
		if !pattern.MatchString(source) {
			t.Fatalf("serve.go has no %s", m.pattern)
		}
		source = pattern.ReplaceAllString(source, m.with)
	}
	writeGo(t, serve, source)
	writeGo(t, filepath.Join(dir, "internal", "shimopts", "read_windows.go"), "package shimopts\n"+own+"\n"+function)
	return function
}

// writeGo writes a file without the imports that it does not use.
func writeGo(t *testing.T, name, source string) {
	t.Helper()
	text, err := imports.Process(name, []byte(source), nil)
	if err == nil {
		err = writeFile(name, text)
	}
	if err != nil {
		t.Fatal(err)
	}
}
