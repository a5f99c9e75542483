package extract

import (
	"bytes"
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"shimfuzz/internal/gocmd"
)

// goPackage is what is needed of one package of "go list -json".
type goPackage struct {
	ImportPath, Name, Dir string
	Standard              bool
	GoFiles, Imports      []string
	Module                *goModule
	Error                 *struct{ Err string }
	DepsErrors            []struct{ Err string }
}

type goModule struct {
	Path, Version, Dir string
	Main               bool
	Replace            *goModule
}

const listFields = "-json=ImportPath,Name,Dir,Standard,GoFiles,Imports,Module,Error,DepsErrors"

// listDeps lists the packages that the patterns need on goos, in hcsshim's own
// module. Packages that cannot be had are listed with their Error: one of the
// shim's policy modules is not on every proxy, and has nothing to do with stdin.
func listDeps(s *Source, goos, tag string, patterns ...string) ([]*goPackage, error) {
	args := append([]string{"list", "-mod=readonly", "-e", "-deps", "-tags=" + tag, listFields}, patterns...)
	out, err := gocmd.Run(s.Dir, []string{"GOOS=" + goos, "GOARCH=amd64", "CGO_ENABLED=0"}, args...)
	if err != nil {
		return nil, fmt.Errorf("listing what %s links: %s", s.Name, gocmd.OneLine(err.Error()))
	}
	var pkgs []*goPackage
	for dec := json.NewDecoder(bytes.NewReader(out)); dec.More(); {
		p := new(goPackage)
		if err := dec.Decode(p); err != nil {
			return nil, fmt.Errorf("reading the output of go list: %w", err)
		}
		pkgs = append(pkgs, p)
	}
	return pkgs, nil
}

// linked says how the message types of the Windows binary get into the test binary:
// imported, or copied because Go forbids importing them from here.
type linked struct {
	imported []string
	messages []*goPackage // of which only the files that register are copied
	missing  []string     // registering packages that cannot be built here
}

// linkedPackages picks the packages among deps that register message types,
// which matter because typeurl looks any name up in the global registry. uses has the
// packages that are used by what is extracted, and where: they must build here.
func linkedPackages(s *Source, shim Shim, deps []*goPackage, uses map[string]string) (*linked, error) {
	var importable []string
	l := new(linked)
	for _, p := range deps {
		messages := p.registers()
		switch {
		case p.Standard || p.ImportPath == shim.importPath() || !messages && !p.registersJSON():
		case !isInternal(p.ImportPath):
			importable = append(importable, p.ImportPath)
		case messages:
			l.messages = append(l.messages, p)
		default:
			l.missing = append(l.missing, p.ImportPath)
		}
	}
	used := maps.Clone(uses)
	for _, p := range l.messages { // which are copied
		delete(used, p.ImportPath)
	}
	host, err := listDeps(s, runtime.GOOS, "", slices.Concat(importable, slices.Sorted(maps.Keys(used)))...)
	if err != nil {
		return nil, err
	}
	for _, p := range host {
		builds := p.Error == nil && len(p.DepsErrors) == 0 && len(p.GoFiles) > 0
		switch at, isUsed := used[p.ImportPath]; {
		case isUsed && !builds:
			return nil, fmt.Errorf("%s: what is extracted uses %s, which does not build on %s", at, p.ImportPath,
				runtime.GOOS)
		case !slices.Contains(importable, p.ImportPath):
		case builds:
			l.imported = append(l.imported, p.ImportPath)
		default:
			l.missing = append(l.missing, p.ImportPath)
		}
	}
	slices.Sort(l.imported)
	slices.Sort(l.missing)
	return l, nil
}

const (
	protoimpl = "google.golang.org/protobuf/runtime/protoimpl"
	gogoproto = "github.com/gogo/protobuf/proto"
)

// registers reports whether p is generated protobuf code.
func (p *goPackage) registers() bool {
	return slices.ContainsFunc(p.GoFiles, func(name string) bool { return p.isMessageFile(name) })
}

func (p *goPackage) isMessageFile(name string) bool {
	return strings.HasSuffix(name, ".pb.go") && p.mentions(name, protoimpl, gogoproto)
}

// typeurlRegister finds types that typeurl decodes from JSON: typeurl.Register
// gives them a URL of their own, next to the protobuf registry.
var typeurlRegister = regexp.MustCompile(`(?m)^\s*typeurl\.Register\(`)

func (p *goPackage) registersJSON() bool {
	imports := slices.ContainsFunc(p.Imports, func(i string) bool {
		return strings.HasPrefix(i,
			"github.com/containerd/typeurl")
	})
	return imports && slices.ContainsFunc(p.GoFiles, func(name string) bool {
		text, err := os.ReadFile(filepath.Join(p.Dir, name))
		return err == nil && typeurlRegister.Match(text)
	})
}

// mentions reports whether the file imports one of the paths.
func (p *goPackage) mentions(name string, paths ...string) bool {
	file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(p.Dir, name), nil, parser.ImportsOnly)
	if err != nil {
		return false
	}
	return slices.ContainsFunc(file.Imports, func(spec *ast.ImportSpec) bool {
		path, err := strconv.Unquote(spec.Path.Value)
		return err == nil && slices.Contains(paths, path)
	})
}

func isInternal(importPath string) bool {
	return slices.Contains(strings.Split(importPath, "/"), "internal")
}
