package extract

import (
	"fmt"
	"go/ast"
	"go/types"
	"path"
	"runtime"
	"slices"
	"strings"

	"golang.org/x/tools/go/packages"

	"shimfuzz/internal/gocmd"
)

// load loads packages of hcsshim's own module, and what they import, as they are on goos.
// A package that cannot be had has Errors: one of the shim's policy modules is not on every
// proxy, and has nothing to do with stdin.
func (s *Source) load(mode packages.LoadMode, goos, tag string, patterns ...string) ([]*packages.Package, error) {
	pkgs, err := packages.Load(&packages.Config{
		Mode:       mode | packages.NeedModule,
		Dir:        s.Dir,
		Env:        append(gocmd.Environ(), "GOOS="+goos, "GOARCH=amd64", "CGO_ENABLED=0"),
		BuildFlags: []string{"-mod=readonly", "-tags=" + tag},
	}, patterns...)
	if err != nil {
		return nil, fmt.Errorf("listing what %s links: %s", s.Name, gocmd.OneLine(err.Error()))
	}
	return pkgs, nil
}

// link returns the packages that bring the message types of the Windows binary into the test
// binary, which matter because typeurl looks any name up in the global registry: they are
// imported, or copied because Go forbids importing them from here. Those that cannot be built
// here are missing (docs/limitations.md).
func (p *program) link() (imported []string, err error) {
	p.copies = make(map[string]string)
	var importable []string
	for importPath, pkg := range p.deps {
		switch {
		case pkg == p.main || !registers(pkg):
		case !slices.Contains(strings.Split(importPath, "/"), "internal"):
			importable = append(importable, importPath)
		case len(messageFiles(pkg)) > 0:
			p.copies[importPath] = path.Join(Module, "linked", strings.ReplaceAll(importPath, "/internal", "/x"))
			imported = append(imported, p.copies[importPath])
		}
	}
	host, err := p.source.load(packages.LoadImports, runtime.GOOS, "", importable...)
	for _, pkg := range host {
		if builds(pkg) {
			imported = append(imported, pkg.PkgPath)
		}
	}
	slices.Sort(imported)
	return imported, err
}

// builds reports whether there is nothing wrong with a package and what it imports.
func builds(pkg *packages.Package) bool {
	for dep := range packages.Postorder([]*packages.Package{pkg}) {
		if len(dep.Errors) > 0 {
			return false
		}
	}
	return len(pkg.GoFiles) > 0
}

// generatedImports has the package that generated protobuf code imports, of each kind.
var generatedImports = []string{`"google.golang.org/protobuf/runtime/protoimpl"`, `"github.com/gogo/protobuf/proto"`}

// registers reports whether a package registers message types: it is generated protobuf
// code, or has types that typeurl decodes from JSON, which typeurl.Register gives a URL of
// their own, next to the protobuf registry.
func registers(pkg *packages.Package) bool {
	if len(messageFiles(pkg)) > 0 {
		return true
	}
	for _, obj := range pkg.TypesInfo.Uses {
		f, ok := obj.(*types.Func)
		if ok && f.Name() == "Register" && strings.HasPrefix(f.Pkg().Path(), "github.com/containerd/typeurl") {
			return true
		}
	}
	return false
}

// messageFiles are a package's files of generated protobuf code.
func messageFiles(pkg *packages.Package) (names []string) {
	for _, file := range pkg.Syntax {
		name := pkg.Fset.File(file.FileStart).Name()
		imports := slices.ContainsFunc(file.Imports, func(spec *ast.ImportSpec) bool {
			return slices.Contains(generatedImports, spec.Path.Value)
		})
		if imports && strings.HasSuffix(name, ".pb.go") {
			names = append(names, name)
		}
	}
	return names
}
