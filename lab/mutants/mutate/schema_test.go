package mutate

import (
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"strings"
	"testing"
)

const many = `package p

type T struct{ n int }

const top = 3

func none(int, _ string) { println(1) }

func (t *T) named(a, b int, more ...string) (n int, err error) {
	if a < b {
		return t.named(b, a, more...)
	}
	n = a
	return
}

func (T) unnamed() bool { return true }

func untouched() int { return 7 }

func generic[E any](e E) int { return 1 }
`

// All mutants of all kinds of functions that compile stand in one file that compiles.
func TestSchema(t *testing.T) {
	mutants, err := File([]byte(many), []string{"none", "named", "unnamed", "top", "generic"})
	if err != nil {
		t.Fatal(err)
	}
	numbered := make(map[int]Mutant)
	for i, m := range mutants {
		if outside := strings.HasPrefix(m.Name, "top:") || strings.HasPrefix(m.Name,
			"generic:"); outside != (m.Func < 0) {
			t.Errorf("%s: Func is %d", m.Name, m.Func)
		}
		if m.Func >= 0 && compiles(string(m.Text)) == nil {
			numbered[i+1] = m
		}
	}
	if len(numbered) < 10 {
		t.Fatalf("only %d mutants compile", len(numbered))
	}
	text, err := Schema([]byte(many), numbered)
	if err != nil {
		t.Fatal(err)
	}
	if err := compiles(string(text) + "\nvar " + Active + " int\n"); err != nil {
		t.Errorf("%v:\n%s", err, text)
	}
	for _, want := range []string{
		"func (receiver *T) named(p0 int, p1 int, p2 ...string) (n int, err error) {",
		"return receiver.mutant0_named(p0, p1, p2...)", "mutant0_none(p0, p1); return", "func untouched() int",
		"if !(a < b) {",
	} {
		if strings.Count(string(text), want) != 1 {
			t.Errorf("%q is not there once:\n%s", want, text)
		}
	}
	if _, err := Schema([]byte(many), map[int]Mutant{1: {Name: "top: one more #1", Func: -1}}); err == nil {
		t.Error("a constant has no error")
	}
}

func compiles(text string) error {
	set := token.NewFileSet()
	file, err := parser.ParseFile(set, "", text, parser.SkipObjectResolution)
	if err != nil {
		return err
	}
	_, err = (&types.Config{Importer: importer.Default()}).Check("p", set, []*ast.File{file}, nil)
	return err
}
