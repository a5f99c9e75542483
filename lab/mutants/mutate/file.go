package mutate

import (
	"context"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"maps"
	"os"
	"slices"

	"golang.org/x/tools/go/packages"
)

// File is a Go file.
type File struct {
	Name   string
	Syntax *ast.File
	Text   []byte
	Pkg    *packages.Package
}

// Load loads the file of a package, or all with "", as the go command in a folder sees it.
func Load(ctx context.Context, dir string, env []string, pkg, file string) (files []*File, err error) {
	config := &packages.Config{Context: ctx, Dir: dir, Env: env, Mode: packages.LoadSyntax}
	loaded, err := packages.Load(config, pkg)
	for _, p := range loaded {
		for _, e := range p.Errors {
			err = errors.Join(err, e)
		}
		for i, name := range p.CompiledGoFiles {
			if file == "" || file == name {
				text, readErr := os.ReadFile(name)
				err = errors.Join(err, readErr)
				files = append(files, &File{name, p.Syntax[i], text, p})
			}
		}
	}
	return files, err
}

// Check returns the compiler's first complaint about the package with another text of the file.
func (f *File) Check(text []byte) error {
	changed, err := parser.ParseFile(f.Pkg.Fset, f.Name, text, parser.SkipObjectResolution)
	if err != nil {
		return err
	}
	files := slices.Clone(f.Pkg.Syntax)
	files[slices.Index(files, f.Syntax)] = changed
	config := types.Config{Importer: imports(f.Pkg.Imports), Sizes: f.Pkg.TypesSizes}
	_, err = config.Check(f.Pkg.PkgPath, f.Pkg.Fset, files, nil)
	if typed, ok := errors.AsType[types.Error](err); ok {
		return errors.New(typed.Msg)
	}
	return err
}

type imports map[string]*packages.Package

func (i imports) Import(path string) (*types.Package, error) {
	if path == "unsafe" {
		return types.Unsafe, nil
	}
	return i[path].Types, nil
}

func (f *File) offset(p token.Pos) int { return f.Pkg.Fset.Position(p).Offset }

// between is the text from one position to another.
func (f *File) between(from, to token.Pos) string { return string(f.Text[f.offset(from):f.offset(to)]) }

func (f *File) source(n ast.Node) string { return f.between(n.Pos(), n.End()) }

// Variable is the variable of the environment that has the number of the mutant to run;
// 0 is the original.
const Variable = "SHIMFUZZ_MUTANT"

// Schema returns the file with many of its mutants in it, by their numbers: each function
// begins by running the body that is active. All mutants must compile, and be in functions.
func (f *File) Schema(mutants map[int]Mutant) []byte {
	numbers := slices.Sorted(maps.Keys(mutants))
	active := fmt.Sprint("mutant", numbers[0], "_active") // a package can have several such files
	var out []byte
	at := 0
	upTo := func(p token.Pos, more string) {
		out, at = append(append(out, f.Text[at:f.offset(p)]...), more...), f.offset(p)
	}
	upTo(f.Syntax.Name.End(), "\n\nimport (\nmutant_os \"os\"\nmutant_strconv \"strconv\"\n)\n")
	for i, d := range f.Syntax.Decls {
		bodies := ""
		for _, n := range numbers {
			if m := mutants[n]; m.Func == i {
				bodies += fmt.Sprintf("case %d:\n%s\n", n, f.run(d.(*ast.FuncDecl), m))
			}
		}
		if bodies != "" {
			upTo(d.(*ast.FuncDecl).Body.Lbrace+1, "\nswitch "+active+" {\n"+bodies+"}\n")
		}
	}
	last := f.Syntax.Decls[len(f.Syntax.Decls)-1]
	upTo(last.End(), fmt.Sprintf("\nvar %s, _ = mutant_strconv.Atoi(mutant_os.Getenv(%q))\n", active, Variable))
	return append(out, f.Text[at:]...)
}

// run runs a mutant's body in its function's place. What is changed is within that body.
func (f *File) run(d *ast.FuncDecl, m Mutant) string {
	body := m.Text[f.offset(d.Body.Lbrace) : f.offset(d.Body.End())+len(m.Text)-len(f.Text)]
	literal := "func()" + f.between(d.Type.Params.End(), d.Body.Lbrace) + string(body) + "()"
	if d.Type.Results == nil {
		return literal + "\nreturn"
	}
	return "return " + literal
}
