package mutants

import (
	"errors"
	"go/parser"
	"go/types"
	"slices"

	"golang.org/x/tools/go/packages"

	"shimfuzz/lab/mutants/mutate"
)

// file is one that mutants are made of.
type file struct {
	mutate.File
	name string
	pkg  *packages.Package
}

// check returns the compiler's first complaint about the package with another text of the file.
func (f *file) check(text []byte) error {
	changed, err := parser.ParseFile(f.Set, f.name, text, parser.SkipObjectResolution)
	if err != nil {
		return err
	}
	files := slices.Clone(f.pkg.Syntax)
	files[slices.Index(files, f.Syntax)] = changed
	config := types.Config{Importer: importer(f.pkg.Imports), Sizes: f.pkg.TypesSizes}
	_, err = config.Check(f.pkg.PkgPath, f.Set, files, nil)
	if typed, ok := errors.AsType[types.Error](err); ok {
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
func schemata(all []*mutant) map[string][]byte {
	of := make(map[*file]map[int]mutate.Mutant)
	for _, m := range all {
		if of[m.file] == nil {
			of[m.file] = make(map[int]mutate.Mutant)
		}
		of[m.file][m.number] = m.made
	}
	texts := make(map[string][]byte)
	for f, mutants := range of {
		texts[f.name] = f.Schema(mutants)
	}
	return texts
}
