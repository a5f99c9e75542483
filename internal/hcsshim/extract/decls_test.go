package extract

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// shimWith writes a package main for Windows with this text in serve.go.
func shimWith(t *testing.T, body string) string {
	t.Helper()
	dir := t.TempDir()
	text := "//go:build windows\n\npackage main\n\nimport (\n\t\"io\"\n\t\"strings\"\n\n\tother \"example.com/log/v2\"\n\topts \"" + optionsPackage + "\"\n)\n\n" + body
	for name, text := range map[string]string{
		"serve.go":      text,
		"other.go":      "//go:build windows\n\npackage main\n\nconst (\n\ta = iota\n\tlimit\n)\n\ntype box struct{ n int }\n\nfunc (b box) size() int { return b.n + limit }\n\nfunc unreached() {}\n",
		"linux.go":      "//go:build linux\n\npackage main\n\nfunc readOptions() {}\n",
		"serve_test.go": "package main\n\nfunc helper() {}\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

const good = "func readOptions(r io.Reader) (*opts.Options, error) {\n\tlimit := box{1}\n\t_ = limit.size()\n\tother.Print(prefix)\n\treturn decode(r)\n}\n\n" +
	"var prefix = strings.ToUpper(\"x\")\n\n// decode decodes.\nfunc decode(r io.Reader) (*opts.Options, error) { return nil, nil }\n"

func TestExtractReachesWhatIsUsed(t *testing.T) {
	x, err := extractDecls(RunHCS, shimWith(t, good), map[string]string{"example.com/log/v2": "log"})
	if err != nil {
		t.Fatal(err)
	}
	all := strings.Join(x.decls, "\n")
	for _, want := range []string{"func readOptions(", "func decode(", "// decode decodes.", "var prefix", "type box struct", "func (b box) size", "a = iota"} {
		if strings.Count(all, want) != 1 {
			t.Errorf("%q is there %d times, want once, in:\n%s", want, strings.Count(all, want), all)
		}
	}
	if strings.Contains(all, "unreached") {
		t.Error("unreached is there, though nothing reaches it")
	}
	want := map[string]string{"io": "io", "strings": "strings", "example.com/log/v2": "other", optionsPackage: "opts"}
	if len(x.imports) != len(want) {
		t.Errorf("imports %v, want %v", x.imports, want)
	}
	for path, name := range want {
		if x.imports[path] != name {
			t.Errorf("import %s as %q, want %q", path, x.imports[path], name)
		}
	}
}

// Names within expressions of imported types are found although no import is
// ever looked into: here the assertion's type, its argument, a closure's body.
func TestExtractReachesIntoImportedTypes(t *testing.T) {
	body := "func readOptions(r io.Reader) (*opts.Options, error) {\n\tif b, ok := r.(*strings.Reader); ok {\n\t\tdefer func(n int) { b.Seek(offset(n), 0) }(b.Len())\n\t}\n" +
		"\tif x, ok := r.(closer); ok {\n\t\tx.Close()\n\t}\n\treturn nil, nil\n}\n\ntype closer interface{ Close() }\n\nfunc offset(n int) int64 { return int64(n) }\n\nvar _ = other.Print\n"
	x, err := extractDecls(RunHCS, shimWith(t, body), nil)
	if err != nil {
		t.Fatal(err)
	}
	all := strings.Join(x.decls, "\n")
	for _, want := range []string{"type closer interface", "func offset("} {
		if !strings.Contains(all, want) {
			t.Errorf("%q is not in:\n%s", want, all)
		}
	}
	if x.imports["strings"] == "" {
		t.Errorf("strings is not imported: %v", x.imports)
	}
}

// Two files may give one name to two packages.
func TestExtractSettlesNames(t *testing.T) {
	dir := shimWith(t, "func readOptions(r io.Reader) (*opts.Options, error) { return helper(strings.ToLower(\"X\")) }\n\nvar _ = other.Print\n")
	text := "//go:build windows\n\npackage main\n\nimport (\n\topts \"" + optionsPackage + "\"\n\tstrings \"example.com/other/strings\"\n)\n\nvar (\n\t// count counts.\n\tcount = strings.Count\n)\n\nfunc helper(s string) (*opts.Options, error) { strings.Use(s, count); return nil, nil }\n"
	if err := os.WriteFile(filepath.Join(dir, "helper.go"), []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
	x, err := extractDecls(RunHCS, dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	all := strings.Join(x.decls, "\n")
	if x.imports["strings"] == x.imports["example.com/other/strings"] {
		t.Errorf("one name for two packages: %v", x.imports)
	}
	for path, use := range map[string]string{"strings": ".ToLower(", "example.com/other/strings": ".Use("} {
		if want := x.imports[path] + use; !strings.Contains(all, want) {
			t.Errorf("%q is not in:\n%s", want, all)
		}
	}
	if !strings.Contains(all, "// count counts.\n\tvar count = ") {
		t.Errorf("the doc comment of count is lost:\n%s", all)
	}
}

func TestExtractErrors(t *testing.T) {
	for _, test := range []struct{ name, body, want string }{
		{"none there", "var _ = io.EOF\n", "no function readOptions"},
		{"a variable", "var readOptions = 1\n", "no function readOptions"},
		{"other parameters", "func readOptions(b []byte) (*opts.Options, error) { return nil, nil }\n", "another signature: func([]byte) (*options.Options, error)"},
		{"other results", "func readOptions(r io.Reader) *opts.Options { return nil }\n", "another signature: func(io.Reader) *options.Options"},
		{"set by init", "var n int\n\nfunc init() { n = 1 }\n\nfunc readOptions(r io.Reader) (*opts.Options, error) { _ = n; return nil, nil }\n", "init uses n, which readOptions reaches"},
		{"embedded file", "//go:embed x.json\nvar text string\n\nfunc readOptions(r io.Reader) (*opts.Options, error) { _ = text; return nil, nil }\n", "//go:embed"},
		{"no Go", "func readOptions(r io.Reader) (*opts.Options, error) {\n", "expected '}'"},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := extractDecls(RunHCS, shimWith(t, test.body), nil)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Fatalf("error %v, want one with %q", err, test.want)
			}
			if strings.Contains(err.Error(), "\n") {
				t.Errorf("the error has several lines: %v", err)
			}
		})
	}
}

func TestLocateErrors(t *testing.T) {
	other := t.TempDir()
	if err := os.WriteFile(filepath.Join(other, "go.mod"), []byte("module example.com/other\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ name, spec, want string }{
		{"no checkout", filepath.Join(other, "nowhere"), "neither a version"},
		{"another module", other, "not a checkout of hcsshim"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if _, err := Locate(other, test.spec); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want one with %q", err, test.want)
			}
		})
	}
}

func TestKey(t *testing.T) {
	for _, test := range []struct {
		source Source
		want   string
	}{
		{Source{Name: "v0.14.1", Version: "v0.14.1", Dir: "/m/hcsshim@v0.14.1"}, "v0.14.1"},
		{Source{Name: "../hcsshim", Dir: "/home/me/my hcsshim"}, "checkout-home-me-my-hcsshim"},
	} {
		if got := test.source.Key(); got != test.want {
			t.Errorf("%s: key %q, want %q", test.source.Name, got, test.want)
		}
	}
}

// The one call that finds the options is observed; a shim with none, or with two,
// is not to be guessed at.
func TestObserve(t *testing.T) {
	call := "found, err := params.FindExtension(&opts)"
	x := &extraction{decls: []string{"func a() { " + call + " }", "func b() {}"}}
	if err := x.observe(); err != nil || x.decls[0] != "func a() { found, err := observe(&opts)(params.FindExtension(&opts)) }" {
		t.Errorf("%v, %q", err, x.decls[0])
	}
	for _, text := range []string{"func a() {}", call + "\n" + call} {
		if err := (&extraction{decls: []string{text}}).observe(); err == nil {
			t.Errorf("observed in %q", text)
		}
	}
}
