package extract

import (
	"context"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"golang.org/x/tools/imports"

	"shimfuzz/internal/gocmd"
	"shimfuzz/internal/settings"
)

// moved is the release's shim with its readOptions in another package, under another
// name, and with a context: all that the extraction follows, at once.
var moved = []struct{ pattern, with string }{
	{`newShimOpts, err := readOptions\(os.Stdin\)`,
		"newShimOpts, err := shimopts.Read(context.Background(), os.Stdin)"},
	{`\n\t"context"\n`, "\n\t\"context\"\n\t\"github.com/Microsoft/hcsshim/internal/shimopts\"\n"},
	{`(?ms)^func readOptions\(r io.Reader\).*?^}\n`, ""},
}

// A refactored hcsshim is tested like the release that it was.
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
	if err := gocmd.CopyTree(dir, release.Dir); err != nil {
		t.Fatal(err)
	}
	refactor(t, dir)
	b, err := Prepare(root, dir, "")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(b.Dir)
	text, err := os.ReadFile(b.DecoderFile())
	if err != nil {
		t.Fatal(err)
	}
	if want := entryPrefix + "internal/shimopts.Read, which is handed os.Stdin\n"; !strings.Contains(string(text),
		want) {
		t.Errorf("the extracted file does not say %q", want)
	}
	s := settings.Test{Findings: release.Version}
	out, failed, err := gocmd.Try(b.Go(context.Background(), s, "test", "-run=^TestCorpus$", "./properties"))
	if failed || err != nil {
		t.Errorf("it answers in another way than the release: %v\n%s", err, out)
	}
}

// refactor moves readOptions in the copy of a release.
func refactor(t *testing.T, dir string) {
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
