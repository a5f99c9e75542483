package mutate

import (
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"os"
	"strings"
	"testing"
)

const many = `package p

type T struct{ n int }

const top = 3

func none(a int, s string) { println(1) }

func (t *T) named(a, b int, more ...string) (n int, err error) {
	if a < b {
		return t.named(b, a, more...)
	}
	n = a
	return
}

func (T) unnamed() bool { return true }

func blank(_ int) bool { return true }

func untouched() int { return 7 }

func generic[E any](e E) int { return 1 }
`

// All mutants of all kinds of functions that compile stand in one file that compiles.
func TestSchema(t *testing.T) {
	f := parse(t, many)
	numbered := make(map[int]Mutant)
	for i, m := range f.Mutants([]string{"none", "named", "unnamed", "blank", "top", "generic"}) {
		name, _, _ := strings.Cut(m.Name, ":")
		if isFunc := name != "top"; isFunc != (m.Func >= 0) {
			t.Errorf("%s: Func is %d", m.Name, m.Func)
		}
		if m.Func >= 0 && compiles(string(m.Text)) == nil {
			numbered[i+1] = m
		}
	}
	if len(numbered) < 10 {
		t.Fatalf("only %d mutants compile", len(numbered))
	}
	text := f.Schema(numbered)
	if err := compiles(string(text)); err != nil {
		t.Errorf("%v:\n%s", err, text)
	}
	for _, want := range []string{
		"return func() (n int, err error) {", "}()\nreturn", "func untouched() int", "if !(a < b) {",
	} {
		if !strings.Contains(string(text), want) {
			t.Errorf("%q is not there:\n%s", want, text)
		}
	}
}

func compiles(text string) error {
	set := token.NewFileSet()
	file, err := parser.ParseFile(set, "", text, parser.SkipObjectResolution)
	if err != nil {
		return err
	}
	_, err = (&types.Config{Importer: importer.ForCompiler(set, "source", nil)}).Check("p", set, []*ast.File{file}, nil)
	return err
}

// A file of a real package is loaded and checked as the compiler would.
func TestCheck(t *testing.T) {
	files, err := Load(t.Context(), "../../..", append(os.Environ(), "GOWORK=off"), "shimfuzz/internal/reference", "")
	if err != nil {
		t.Fatal(err)
	}
	for more, want := range map[string]string{
		"": "", "func unused() { x := 1 }": "declared and not used: x", "import": "must appear",
		"var x int = true": "cannot use true",
	} {
		err := files[0].Check([]byte(string(files[0].Text) + "\n" + more + "\n"))
		if (err != nil) != (want != "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", more, err, want)
		}
	}
}
