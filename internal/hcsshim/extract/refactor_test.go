package extract

import (
	"encoding/json"
	"fmt"
	"go/ast"
	"go/format"
	"go/parser"
	"go/token"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/tools/go/ast/astutil"

	"shimfuzz/internal/gocmd"
)

// A refactoring is done to the release's serve.go, which has the call and the function.
type refactoring struct {
	name    string
	file    string   // that the function moves to, from the root of the module; "" leaves it
	head    string   // of that file
	edits   []string // regular expressions, each with its replacement
	under   string   // what is said of the function
	windows string   // why it does not build where this is not Windows, "" if it does
}

// forWindows reports whether it is extracted for Windows on another system.
func (r refactoring) forWindows() bool { return r.windows != "" && runtime.GOOS != "windows" }

const (
	callOf = `newShimOpts, err := readOptions\(os.Stdin\)`
	funcOf = `func readOptions\(r io.Reader\) \(\*runhcsopts.Options, error\)`
)

var refactorings = []refactoring{
	{name: "another-file", file: "cmd/another-file/options.go", head: "//go:build windows\n\npackage main"},
	{name: "internal-package", file: "internal/shimopts/read_windows.go", head: "package shimopts",
		edits: []string{callOf, "newShimOpts, err := shimopts.Read(os.Stdin)", `func readOptions`, "func Read", `"context"`, "\"context\"\n\t\"github.com/Microsoft/hcsshim/internal/shimopts\""},
		under: "internal/shimopts.Read"},
	{name: "renamed", edits: []string{`\breadOptions\(`, "loadShimOptions("}, under: "cmd/renamed.loadShimOptions"},
	{name: "context-first", edits: []string{callOf, "newShimOpts, err := readOptions(context.Background(), os.Stdin)", `func readOptions\(`, "func readOptions(_ context.Context, "},
		under: "cmd/context-first.readOptions"},
	{name: "launch", edits: []string{callOf, "newShimOpts, err := readOptions(os.Stdin, idFlag, namespaceFlag)", `func readOptions\(r io.Reader\)`, "func readOptions(r io.Reader, id, namespace string)"},
		under: "cmd/launch.readOptions"},
	{name: "struct-result", edits: []string{callOf, "config, err := readOptions(os.Stdin)\n\t\tvar newShimOpts *runhcsopts.Options\n\t\tif config != nil {\n\t\t\tnewShimOpts = config.opts\n\t\t}",
		`\(\*runhcsopts.Options, error\)`, "(*shimConfig, error)", `return (&?opts), nil`, "return &shimConfig{$1}, nil", `(var svc)`, "type shimConfig struct{ opts *runhcsopts.Options }\n\n$1"},
		under: "cmd/struct-result.readOptions"},
	{name: "method", edits: []string{callOf, "decoder := newDecoder()\n\t\tnewShimOpts, err := decoder.read(os.Stdin)", `func readOptions`, "func (*optionsDecoder) read",
		`(var svc)`, "type optionsDecoder struct{}\n\nfunc newDecoder() *optionsDecoder { return new(optionsDecoder) }\n\n$1"},
		under: "cmd/method.optionsDecoder.read"},
	{name: "generics", edits: []string{`func readOptions\(r io.Reader\)`, "func readOptions[R io.Reader](r R)"}, under: "cmd/generics.readOptions"},
	{name: "build-tags", file: "cmd/build-tags/options_windows.go", head: "//go:build amd64 && !containers\n\npackage main"},
	{name: "windows-only-import", edits: []string{`(\tif len\(d\) == 0 \{)`, "\tif errors.Is(err, windows.ERROR_BROKEN_PIPE) {\n\t\treturn nil, nil\n\t}\n$1"},
		windows: "what is extracted uses golang.org/x/sys/windows, which does not build on " + runtime.GOOS},
	{name: "variable", edits: []string{funcOf, "var readOptions = func(r io.Reader) (*runhcsopts.Options, error)"}},
}

// apply writes the shim in dir, refactored, to its own folder of the module in dir.
func (r refactoring) apply(t *testing.T, dir string) {
	t.Helper()
	to := filepath.Join(dir, "cmd", r.name)
	if err := CopyTree(to, filepath.Join(dir, "cmd", RunHCS.Name), "options", "stats"); err != nil {
		t.Fatal(err)
	}
	serve := filepath.Join(to, "serve.go")
	text, err := os.ReadFile(serve)
	if err != nil {
		t.Fatal(err)
	}
	source := string(text)
	for edit := range slices.Chunk(r.edits, 2) {
		pattern := regexp.MustCompile(edit[0])
		if !pattern.MatchString(source) {
			t.Fatalf("%s: serve.go has no %s", r.name, edit[0])
		}
		source = pattern.ReplaceAllString(source, edit[1])
	}
	if r.file != "" {
		at := regexp.MustCompile(`(?ms)^func (readOptions|Read)\(.*?^}\n`).FindStringIndex(source)
		imports := regexp.MustCompile(`(?s)\nimport \(.*?\n\)\n`).FindString(source)
		writeGo(t, filepath.Join(dir, r.file), strings.ReplaceAll(r.head+"\n"+imports+"\n"+source[at[0]:at[1]], `"github.com/Microsoft/hcsshim/internal/shimopts"`, ""))
		source = source[:at[0]] + source[at[1]:]
	}
	writeGo(t, serve, source)
}

// writeGo writes a file without the imports that it does not use.
func writeGo(t *testing.T, name, source string) {
	t.Helper()
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, name, source, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	for _, spec := range slices.Clone(file.Imports) {
		importPath, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			t.Fatal(err)
		}
		named := ""
		if spec.Name != nil {
			named = spec.Name.Name
		}
		if named != "_" && !astutil.UsesImport(file, importPath) && !uses(file, strings.TrimPrefix(path.Base(importPath), "go-")) {
			astutil.DeleteNamedImport(fset, file, named, importPath)
		}
	}
	var b strings.Builder
	if err := format.Node(&b, fset, file); err != nil {
		t.Fatal(err)
	}
	if err := writeFile(name, []byte(b.String())); err != nil {
		t.Fatal(err)
	}
}

func uses(file *ast.File, pkg string) bool {
	for id := range identifiers(file) {
		if id.Name == pkg {
			return true
		}
	}
	return false
}

// A refactored hcsshim is tested, on this system or as a program for Windows.
func TestRefactored(t *testing.T) {
	root, err := filepath.Abs("../../..")
	if err != nil {
		t.Fatal(err)
	}
	release, err := Locate(root, "")
	if err != nil {
		t.Fatal(err)
	}
	s := &Source{Name: "refactored", Dir: t.TempDir()}
	if err := CopyTree(s.Dir, release.Dir); err != nil {
		t.Fatal(err)
	}
	var patterns []string
	for _, r := range refactorings {
		r.apply(t, s.Dir)
		patterns = append(patterns, "./cmd/"+r.name)
	}
	deps, err := listDeps(s, "windows", "", patterns...)
	if err != nil {
		t.Fatal(err)
	}
	pkgs, err := load(s, "", deps)
	if err != nil {
		t.Fatal(err)
	}
	set := make(fileSet)
	for _, r := range refactorings {
		t.Run(r.name, func(t *testing.T) {
			if p, err := newShim(s, hcsshimModule+"/cmd/"+r.name, pkgs, deps); err != nil {
				t.Fatal(err)
			} else if len(p.main.Errors) > 0 {
				t.Fatalf("it does not compile for Windows: %v", p.main.Errors[0])
			} else {
				r.extract(t, s, p, set)
			}
		})
	}
	if !t.Failed() {
		runRefactored(t, root, set)
	}
}

// extract adds the package that is extracted to set.
func (r refactoring) extract(t *testing.T, s *Source, p *shim, set fileSet) {
	shim := Shim{Name: r.name, create: true}
	x, err := extractDecls(shim, p)
	if err != nil {
		t.Fatal(err)
	}
	if got, _, _ := strings.Cut(x.entry, ","); got != r.under {
		t.Errorf("it says %q, want %q", x.entry, r.under)
	}
	l, err := linkedPackages(s, shim, nil, x.allUses())
	if r.forWindows() {
		oneLine(t, err, r.windows)
		shim.windows = r.windows
		l, err = linkedPackages(s, shim, nil, x.allUses())
	}
	if err != nil {
		t.Fatal(err)
	}
	out, err := files(s, shim, "none", x, l)
	if err != nil {
		t.Fatal(err)
	}
	if got := inHead(out[decoderFile], windowsPrefix); got != shim.windows {
		t.Errorf("the file is for Windows because of %q, want %q", got, shim.windows)
	}
	for _, name := range []string{decoderFile, createFile} {
		set[path.Join(variants, r.name, path.Base(name))] = out[name]
	}
}

const variants = "internal/hcsshim/variants"

// program puts payloads to the package of each variant.
const program = `package main

import (
	"fmt"
	"strings"

	%s
	"github.com/Microsoft/hcsshim/cmd/containerd-shim-runhcs-v1/options"
)

func main() {
	for _, payload := range []string{"", "\x0a\x1ccontainerd.runhcs.v1.Options\x12\x02\x08\x01", "\xff"} {
		var opts *options.Options
		var err error
		%s
	}
}
`

// runRefactored compiles all variants into one program and holds their answers to the
// right ones. One for Windows is compiled alone.
func runRefactored(t *testing.T, root string, set fileSet) {
	own := make(map[string][]byte)
	for _, name := range []string{"hcsshim.go", "create.go"} {
		text, err := os.ReadFile(filepath.Join(root, "internal", "hcsshim", name))
		if err != nil {
			t.Fatal(err)
		}
		own[name] = text
	}
	var imports, calls, want, forWindows []string
	for i, r := range refactorings {
		dir := path.Join(variants, r.name)
		for name, text := range own {
			set[path.Join(dir, name)] = text
		}
		if r.forWindows() {
			forWindows = append(forWindows, "./"+dir)
			continue
		}
		imports = append(imports, fmt.Sprintf("v%d %q", i, path.Join(ownModule, dir)))
		read := "ReadOptions(strings.NewReader(payload))"
		if r.name == "launch" {
			read = `ReadLaunched(strings.NewReader(payload), "web-1", "default")`
		}
		calls = append(calls, fmt.Sprintf("opts, err = v%d.%s\nfmt.Println(%q, opts != nil, opts.GetDebug(), err != nil, len(v%[1]d.CreateOptions()))", i, read, r.name))
		want = append(want, r.name)
	}
	set[variants+"/main.go"] = fmt.Appendf(nil, program, strings.Join(imports, "\n"), strings.Join(calls, "\n"))

	dir := t.TempDir()
	replace := make(map[string]string)
	for name, text := range set {
		file := filepath.Join(dir, filepath.FromSlash(name))
		if err := writeFile(file, text); err != nil {
			t.Fatal(err)
		}
		replace[filepath.Join(root, filepath.FromSlash(name))] = file
	}
	overlay, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		t.Fatal(err)
	}
	if err := writeFile(filepath.Join(dir, "overlay.json"), overlay); err != nil {
		t.Fatal(err)
	}
	flags := "-overlay=" + filepath.Join(dir, "overlay.json")
	if _, err := gocmd.Run(root, []string{"GOOS=windows", "GOARCH=amd64"}, append([]string{"build", flags}, forWindows...)...); err != nil {
		t.Fatal(err)
	}
	out, err := gocmd.Run(root, nil, "run", "-buildvcs=false", flags, "./"+variants)
	if err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	for _, answer := range []string{"false false false", "true true false", "false false true"} {
		for _, name := range want {
			fmt.Fprintln(&all, name, answer, 2)
		}
	}
	if string(out) != all.String() {
		t.Errorf("the answers are\n%swant\n%s", out, all.String())
	}
}
