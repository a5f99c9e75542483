package mutate

import (
	"go/ast"
	"go/format"
	"go/parser"
	"go/token"
	"strings"
	"testing"

	"golang.org/x/tools/go/packages"
)

const source = `package p

import "errors"

const most = 76

func init() { setUp(true) }

func read(b []byte, deep bool) (*T, error) {
	x, err := decode(b)
	if err != nil {
		return nil, errors.New("text")
	}

	y := more(x, deep)
	return y, nil
}

func other(s string) bool { return len(s) <= most && s[1:] == "x" }
`

func parse(t *testing.T, text string) *File {
	t.Helper()
	set := token.NewFileSet()
	syntax, err := parser.ParseFile(set, "", text, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	return &File{"", syntax, []byte(text), &packages.Package{Fset: set, Syntax: []*ast.File{syntax}}}
}

// Each operator makes its mutants, by name, with the changed line as given.
func TestOperators(t *testing.T) {
	mutants := parse(t, source).Mutants(nil)
	made := make(map[string]string)
	for _, m := range mutants {
		if made[m.Name] != "" {
			t.Errorf("%s is there twice", m.Name)
		}
		made[m.Name] = changed(t, string(m.Text))
	}
	const other = "func other(s string) bool { "
	for name, want := range map[string]string{
		"read: negate #1":                                 "if !(err != nil) {",
		"read: force true #1":                             "if (err != nil) || true {",
		"read: force false #1":                            "if (err != nil) && false {",
		"read: == for != #1":                              "if err == nil {",
		"read: drop the statement #1":                     "",
		"read: swap two statements #3":                    "return y, nil y := more(x, deep)",
		"read: swap two paragraphs #1":                    "y := more(x, deep) return y, nil x, err := decode(b)",
		"read: return nil as result 2 #1":                 "return nil, nil",
		"read: return new(T) as result 1 #1":              `return new(T), errors.New("text")`,
		"read: return io.ErrUnexpectedEOF as result 2 #1": "return y, io.ErrUnexpectedEOF",
		"read: return nil as result 1 #2":                 "return nil, nil",
		"read: return err #1":                             "return nil, err",
		"read: argument 1 emptied #1":                     "x, err := decode(b[:0])",
		"read: arguments 1 and 2 swapped #1":              "y := more(deep, x)",
		"read: nil as argument 2 #1":                      "y := more(x, nil)",
		"other: || for && #1":                             other + `return len(s) <= most || s[1:] == "x" }`,
		"other: drop the left condition #1":               other + `return s[1:] == "x" }`,
		"other: < for <= #1":                              other + `return len(s) < most && s[1:] == "x" }`,
		"other: bound one more #1":                        other + `return len(s) <= most && s[1+1:] == "x" }`,
		"other: empty string #1":                          other + `return len(s) <= most && s[1:] == "" }`,
		"most: one more #1":                               "const most = 77",
	} {
		got, ok := made[name]
		if !ok {
			t.Errorf("there is no mutant %q", name)
		} else if !strings.HasPrefix(got, want) {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	for name := range made {
		if strings.HasPrefix(name, "init") || strings.Contains(name, "text") {
			t.Errorf("mutant %q: init and errors' texts are not to be changed", name)
		}
	}
	for _, m := range parse(t, source).Mutants([]string{"other"}) {
		if !strings.HasPrefix(m.Name, "other: ") {
			t.Errorf("%s: only other was asked for", m.Name)
		}
	}
}

// changed is where a mutant's lines differ from the original's, on one line.
func changed(t *testing.T, text string) string {
	t.Helper()
	if out, err := format.Source([]byte(text)); err == nil {
		text = string(out)
	}
	old, now := strings.Split(source, "\n"), strings.Split(text, "\n")
	for len(old) > 0 && len(now) > 0 && old[0] == now[0] {
		old, now = old[1:], now[1:]
	}
	for len(old) > 0 && len(now) > 0 && old[len(old)-1] == now[len(now)-1] {
		old, now = old[:len(old)-1], now[:len(now)-1]
	}
	return strings.Join(strings.Fields(strings.Join(now, " ")), " ")
}
