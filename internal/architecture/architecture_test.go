package architecture

import (
	"go/build"
	"go/doc"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
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
	{"cmd/shimfuzz", "internal/hcsshim", "the command must build when the extracted code does not"},
	{"cmd/shimfuzz", "internal/verify", "it would bring the extracted code along"},
	{"cmd/shimfuzz", "fuzz", "it would bring the extracted code along"},
	{"internal/grammar", "internal/reference", "generators know the answer from how a payload is built"},
	{"internal/grammar", "internal/findings", "generators know nothing of defects"},
	{"internal/reference", "internal/grammar", "the reference decides from the bytes alone"},
	{"internal/reference", "internal/stdin", "the reference decides from the bytes alone, by code of its own"},
	{"internal/settings", "internal", "both the command and the tests read it"},
}

// pkg is a package of the suite.
type pkg struct {
	sentence string   // of its documentation
	imports  []string // packages of the suite, without their tests'
}

// load reads the packages of the suite by their path from the root.
func load(t *testing.T) map[string]*pkg {
	t.Helper()
	all := make(map[string]*pkg)
	err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, name)
		if err != nil {
			return err
		}
		rel = filepath.ToSlash(rel)
		if d.IsDir() {
			if rel == "build" || rel == "lab" || strings.HasPrefix(d.Name(), ".") && rel != "." ||
				d.Name() == "testdata" {
				return fs.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(rel, ".go") || strings.HasSuffix(rel, "_test.go") ||
			strings.HasPrefix(path.Base(rel), "zz_") {
			return nil
		}
		if ok, err := build.Default.MatchFile(filepath.Dir(name), d.Name()); !ok || err != nil {
			return err
		}
		return add(all, name, path.Dir(rel))
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func add(all map[string]*pkg, file, dir string) error {
	parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly|parser.ParseComments)
	if err != nil {
		return err
	}
	p := all[dir]
	if p == nil {
		p = new(pkg)
		all[dir] = p
	}
	if parsed.Doc != nil {
		p.sentence = new(doc.Package).Synopsis(parsed.Doc.Text())
	}
	for _, spec := range parsed.Imports {
		imported, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			return err
		}
		if own, ok := strings.CutPrefix(imported, module); ok && !slices.Contains(p.imports, own) {
			p.imports = append(p.imports, own)
		}
	}
	slices.Sort(p.imports)
	return nil
}

// reach returns what a package imports by any path.
func reach(all map[string]*pkg, from string) map[string]bool {
	reached := make(map[string]bool)
	var visit func(string)
	visit = func(name string) {
		if all[name] == nil {
			return
		}
		for _, i := range all[name].imports {
			if !reached[i] {
				reached[i] = true
				visit(i)
			}
		}
	}
	visit(from)
	return reached
}

func TestLayers(t *testing.T) {
	all := load(t)
	layer := make(map[string]int)
	for i, names := range layers {
		for _, name := range names {
			if all[name] == nil {
				t.Errorf("there is no package %s", name)
				continue
			}
			layer[name] = i
		}
	}
	for name, at := range layer {
		for _, i := range all[name].imports {
			if below, ok := layer[i]; ok && below >= at {
				t.Errorf("%s imports %s, which is not in a lower layer", name, i)
			}
		}
	}
}

func TestForbidden(t *testing.T) {
	all := load(t)
	for _, f := range forbidden {
		if all[f.from] == nil {
			t.Errorf("there is no package %s", f.from)
		}
		for reached := range reach(all, f.from) {
			if reached == f.to || f.to == "internal" && strings.HasPrefix(reached, "internal/") {
				t.Errorf("%s reaches %s: %s", f.from, reached, f.why)
			}
		}
	}
}

// Every package says in a sentence what it is for.
func TestSentences(t *testing.T) {
	for name, p := range load(t) {
		if p.sentence == "" {
			t.Errorf("package %s has no documentation", name)
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

// No line is too long to be read beside another file. The lab's page of HTML is no Go.
func TestLines(t *testing.T) {
	for name, text := range goFiles(t, "testdata") {
		if strings.HasSuffix(name, "_test.go") && strings.Contains(name, "/lab/") || filepath.Base(name) == "html.go" {
			continue
		}
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
