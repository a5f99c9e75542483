package mutants

import (
	"context"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/types"
	"os"

	"golang.org/x/tools/go/packages"

	"shimfuzz/internal/settings"
	"shimfuzz/lab/mutants/mutate"
)

// checker tells which mutants are programs, as the compiler would: by file, the package
// that it is in.
type checker map[string]*packages.Package

func newChecker(ctx context.Context, s *suite) (checker, error) {
	cmd := s.Go(ctx, settings.Test{}, "list")
	config := &packages.Config{Context: ctx, Dir: cmd.Dir, Env: cmd.Env, Mode: packages.LoadSyntax,
		Overlay: make(map[string][]byte)}
	for name, file := range s.overlay {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		config.Overlay[name] = text
	}
	var paths []string
	for _, of := range s.sources {
		paths = append(paths, of.pkg)
	}
	all, err := packages.Load(config, paths...)
	c := make(checker)
	for _, p := range all {
		for _, e := range p.Errors {
			err = errors.Join(err, e)
		}
		for _, file := range p.CompiledGoFiles {
			c[file] = p
		}
	}
	return c, err
}

// check returns the first complaint about a package with another text of one of its files.
func (c checker) check(name string, text []byte) error {
	p := c[name]
	if p == nil {
		return fmt.Errorf("%s is in no package", name)
	}
	file, err := parser.ParseFile(p.Fset, name, text, parser.SkipObjectResolution)
	if err != nil {
		return err
	}
	files := []*ast.File{file}
	for i, other := range p.CompiledGoFiles {
		if other != name {
			files = append(files, p.Syntax[i])
		}
	}
	config := types.Config{Importer: importer(p.Imports), Sizes: p.TypesSizes}
	_, err = config.Check(p.PkgPath, p.Fset, files, nil)
	var typed types.Error
	if errors.As(err, &typed) {
		return errors.New(typed.Msg)
	}
	return err
}

type importer map[string]*packages.Package

func (i importer) Import(path string) (*types.Package, error) {
	if path == "unsafe" {
		return types.Unsafe, nil
	}
	return i[path].Types, nil
}

// schemata are the files with all the mutants of each in them, by name.
func schemata(all []*mutant) (map[string][]byte, error) {
	of := make(map[string]map[int]mutate.Mutant)
	for _, m := range all {
		if of[m.file] == nil {
			of[m.file] = make(map[int]mutate.Mutant)
		}
		of[m.file][m.number] = m.made
	}
	files := make(map[string][]byte)
	for name, mutants := range of {
		text, err := os.ReadFile(name)
		if err == nil {
			files[name], err = mutate.Schema(text, mutants)
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	return files, nil
}
