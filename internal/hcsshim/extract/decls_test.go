package extract

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// shimFiles is a package main for Windows in dir with this text in serve.go, in the form of txtar.
func shimFiles(dir, body string) string {
	return "-- " + dir +
		"serve.go --\n//go:build windows\n\npackage main\n\nimport (\n\t\"io\"\n\t\"os\"\n\t\"strings\"\n\n\tother " +
		"\"example.com/log/v2\"\n\topts \"" + optionsPackage + "\"\n)\n\n" + body +
		"-- " + dir + `other.go --
//go:build windows

package main

const (
	a = iota
	limit
)

type box struct{ n int }

func (b box) size() int { return b.n + limit }

func unreached() {}
-- ` + dir + `linux.go --
//go:build linux

package main

func readOptions() {}
-- ` + dir + `serve_test.go --
package main

func helper() {}
`
}

// shimWith is a program with this text in serve.go.
func shimWith(t *testing.T, body string) *shim {
	t.Helper()
	p, err := programs(t, shimFiles("cmd/shim/", body))("shim")
	if err != nil {
		t.Fatal(err)
	}
	return p
}

var testShim = Shim{Name: "shim"}

const serve = "func main() {\n\to, err := readOptions(os.Stdin)\n\tother.Print(o, err)\n}\n\n"

const good = serve +
	"func readOptions(r io.Reader) (*opts.Options, error) {\n\tlimit := box{1}\n\t_ = " +
	"limit.size()\n\tother.Print(prefix)\n\treturn decode(r)\n}\n\n" +
	"var prefix = strings.ToUpper(\"x\")\n\n// decode decodes.\nfunc decode(r io.Reader) (*opts.Options, error) { " +
	"return nil, nil }\n"

func TestExtractReachesWhatIsUsed(t *testing.T) {
	x, err := extractDecls(testShim, shimWith(t, good))
	if err != nil {
		t.Fatal(err)
	}
	all := strings.Join(x.decls, "\n")
	for _, want := range []string{"func readOptions(", "func decode(", "// decode decodes.", "var prefix",
		"type box struct", "func (b box) size", "a = iota"} {
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
	body := serve +
		"func readOptions(r io.Reader) (*opts.Options, error) {\n\tif b, ok := r.(*strings.Reader); ok {\n\t\tdefer " +
		"func(n int) { b.Seek(offset(n), 0) }(b.Len())\n\t}\n" +
		"\tif x, ok := r.(closer); ok {\n\t\tx.Close()\n\t}\n\treturn nil, nil\n}\n\ntype closer interface{ Close() " +
		"}\n\nfunc offset(n int) int64 { return int64(n) }\n\nvar _ = other.Print\n"
	x, err := extractDecls(testShim, shimWith(t, body))
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
	body := serve + "func readOptions(r io.Reader) (*opts.Options, error) { return helper(strings.ToLower(\"X\")) }\n"
	text := "//go:build windows\n\npackage main\n\nimport (\n\topts \"" + optionsPackage +
		"\"\n\tstrings \"example.com/typeurl/v2\"\n)\n\nvar (\n\t// count counts.\n\tcount = " +
		"strings.UnmarshalAny\n)\n\nfunc helper(s string) (*opts.Options, error) { strings.UnmarshalAny(count); " +
		"return nil, nil }\n"
	p, err := programs(t, shimFiles("cmd/shim/", body)+"-- cmd/shim/helper.go --\n"+text)("shim")
	if err != nil {
		t.Fatal(err)
	}
	x, err := extractDecls(testShim, p)
	if err != nil {
		t.Fatal(err)
	}
	all := strings.Join(x.decls, "\n")
	if x.imports["strings"] == x.imports["example.com/typeurl/v2"] {
		t.Errorf("one name for two packages: %v", x.imports)
	}
	for path, use := range map[string]string{"strings": ".ToLower(", "example.com/typeurl/v2": ".UnmarshalAny("} {
		if want := x.imports[path] + use; !strings.Contains(all, want) {
			t.Errorf("%q is not in:\n%s", want, all)
		}
	}
	if !strings.Contains(all, "// count counts.\nvar count = ") {
		t.Errorf("the doc comment of count is lost:\n%s", all)
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
	if err := x.observe(); err != nil ||
		x.decls[0] != "func a() { found, err := observe(&opts)(params.FindExtension(&opts)) }" {
		t.Errorf("%v, %q", err, x.decls[0])
	}
	for _, text := range []string{"func a() {}", call + "\n" + call} {
		if err := (&extraction{decls: []string{text}}).observe(); err == nil {
			t.Errorf("observed in %q", text)
		}
	}
}
