package main

import (
	"bytes"
	"encoding/json"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

const (
	root   = "../.."
	module = "shimfuzz/"
)

// layers are the packages that decide what is right, from the ground up: a package
// imports only those of lower layers.
var layers = [][]string{
	{"internal/contract", "internal/wire"},
	{"internal/stdin", "internal/decoder"},
	{"internal/grammar", "internal/reference"},
	{"internal/findings"},
	{"internal/verdict"},
	{"internal/verify"},
}

// forbidden are packages, and what they must not reach by any path, with the reason.
var forbidden = []struct {
	from, to, why string
}{
	{"internal/grammar", "internal/reference", "generators know the answer from how a payload is built"},
	{"internal/grammar", "internal/findings", "generators know nothing of defects"},
	{"internal/reference", "internal/grammar", "the reference decides from the bytes alone"},
	{"internal/reference", "internal/stdin", "the reference decides from the bytes alone, by code of its own"},
	{"internal/settings", "internal", "both the command and the tests read it"},
}

// pkg is a package of the suite.
type pkg struct {
	Doc           string   // the first sentence of its documentation
	Imports, Deps []string // packages, directly and by any path, without their tests'
}

// load reads the packages of the suite by their path from the root.
func load(t *testing.T) map[string]pkg {
	t.Helper()
	cmd := exec.Command("go", "list", "-json=ImportPath,Doc,Imports,Deps", "./...")
	cmd.Dir, cmd.Env = root, append(os.Environ(), "GOWORK=off")
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	all := make(map[string]pkg)
	for list := json.NewDecoder(bytes.NewReader(out)); list.More(); {
		var p struct {
			ImportPath string
			pkg
		}
		if err := list.Decode(&p); err != nil {
			t.Fatal(err)
		}
		all[strings.TrimPrefix(p.ImportPath, module)] = p.pkg
	}
	return all
}

// A package imports what lies below it, and reaches nothing that is forbidden to it. Every one says in
// a sentence what it is for.
func TestPackages(t *testing.T) {
	all := load(t)
	layer := make(map[string]int)
	for i, names := range layers {
		for _, name := range names {
			if _, ok := all[name]; !ok {
				t.Errorf("there is no package %s", name)
			}
			layer[module+name] = i
		}
	}
	for name, at := range layer {
		for _, i := range all[strings.TrimPrefix(name, module)].Imports {
			if below, ok := layer[i]; ok && below >= at {
				t.Errorf("%s imports %s, which is not in a lower layer", name, i)
			}
		}
	}
	for name, p := range all {
		if p.Doc == "" {
			t.Errorf("package %s has no documentation", name)
		}
	}
	for _, f := range forbidden {
		p, ok := all[f.from]
		if !ok {
			t.Errorf("there is no package %s", f.from)
		}
		for _, d := range p.Deps {
			if d == module+f.to || f.to == "internal" && strings.HasPrefix(d, module+"internal/") {
				t.Errorf("%s reaches %s: %s", f.from, d, f.why)
			}
		}
	}
}

// The lab is a module of its own, which stands on the suite: the suite needs none of it,
// in its tests either.
func TestNothingNeedsTheLab(t *testing.T) {
	for name := range goFiles(t, "lab") {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ImportsOnly)
		if err != nil {
			t.Fatal(err)
		}
		for _, spec := range file.Imports {
			if strings.HasPrefix(spec.Path.Value, `"shimfuzz/lab`) {
				t.Errorf("%s imports %s", name, spec.Path.Value)
			}
		}
	}
}

// maxColumns is the length of a line, with four columns for a tab.
const maxColumns = 120

// No line is too long to be read beside another file.
func TestLines(t *testing.T) {
	for name, text := range goFiles(t, "testdata") {
		n := 0
		for line := range strings.Lines(text) {
			n++
			line = strings.ReplaceAll(strings.TrimSuffix(line, "\n"), "\t", "    ")
			if columns := utf8.RuneCountInString(line); columns > maxColumns {
				t.Errorf("%s:%d: %d columns, want at most %d", name, n, columns, maxColumns)
			}
		}
	}
}

// goFiles are the texts of the tree's own Go files, but for those in folders of a name.
func goFiles(t *testing.T, without string) map[string]string {
	t.Helper()
	texts := make(map[string]string)
	err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && slices.Contains([]string{"build", ".git", without}, d.Name()):
			return fs.SkipDir
		case filepath.Ext(name) != ".go":
			return nil
		}
		text, err := os.ReadFile(name)
		texts[filepath.ToSlash(name)] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return texts
}
