// Package extract takes readOptions out of any hcsshim, with what it reaches
// and what its binary links, and puts it under test.
package extract

import (
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/mod/modfile"
	"golang.org/x/mod/semver"
	"golang.org/x/mod/sumdb/dirhash"
	"golang.org/x/tools/go/packages"

	"shimfuzz/internal/gocmd"
)

const (
	hcsshimModule  = "github.com/Microsoft/hcsshim"
	optionsPackage = hcsshimModule + "/cmd/containerd-shim-runhcs-v1/options"
)

// Shim is one of hcsshim's shims, and what to extract from it.
type Shim struct {
	Name      string // of its binary and its folder
	Tag       string // that its files are built with
	Entry     string // the function that reads standard input, such as internal/shimopts.Read; "" finds it
	Signature string // of Entry, "" is that of readOptions
}

// RunHCS is the shim whose readOptions is under test.
var RunHCS = Shim{Name: "containerd-shim-runhcs-v1"}

func (s Shim) importPath() string { return hcsshimModule + "/cmd/" + s.Name }

// Source is the text of one hcsshim: a released version in the module cache,
// or somebody's checkout.
type Source struct {
	Name    string // for people: the version, or the checkout's path
	Version string // the released version, "" for a checkout
	Dir     string // absolute path of the module's root
}

// Locate finds the hcsshim that spec names: a version ("v0.14.1"), the path of
// a checkout, or, when spec is empty, what the go.mod below root requires.
func Locate(root, spec string) (*Source, error) {
	if spec == "" {
		mod, err := readModule(root)
		if err != nil {
			return nil, err
		}
		spec = requirement(mod, hcsshimModule)
	}
	if !semver.IsValid(spec) {
		return locateCheckout(spec)
	}
	m, err := gocmd.Download(hcsshimModule, spec)
	if err != nil {
		return nil, fmt.Errorf("HCSSHIM=%s: no such version of hcsshim, or it cannot be had: %w", spec, err)
	}
	return &Source{Name: spec, Version: m.Version, Dir: m.Dir}, nil
}

// requirement is the version of a module that another one requires, "" if it does not.
func requirement(mod *modfile.File, module string) string {
	for _, r := range mod.Require {
		if r.Mod.Path == module {
			return r.Mod.Version
		}
	}
	return ""
}

// readModule reads the go.mod of another module, or of another version.
func readModule(dir string) (*modfile.File, error) {
	name := filepath.Join(dir, "go.mod")
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	return modfile.ParseLax(name, text, nil)
}

func locateCheckout(spec string) (*Source, error) {
	dir, err := filepath.Abs(spec)
	if err != nil {
		return nil, err
	}
	text, err := os.ReadFile(filepath.Join(dir, "go.mod"))
	if err != nil {
		return nil, fmt.Errorf("HCSSHIM=%s: neither a version (v0.15.0) nor a checkout of hcsshim: %w", spec, err)
	}
	if got := modfile.ModulePath(text); got != hcsshimModule {
		return nil, fmt.Errorf("HCSSHIM=%s: not a checkout of hcsshim: its go.mod says module %q", spec, got)
	}
	return &Source{Name: dir, Dir: dir}, nil
}

// program loads a shim's program.
func (s *Source) program(which Shim) (*program, error) {
	pkgs, err := s.load(packages.LoadAllSyntax, "windows", which.Tag, "./cmd/"+which.Name)
	if err != nil {
		return nil, err
	}
	if len(pkgs) != 1 || pkgs[0].PkgPath != which.importPath() {
		return nil, fmt.Errorf("no package %s", which.importPath())
	}
	p, err := newProgram(s, which, pkgs[0])
	if err == nil {
		p.linked, err = p.link()
	}
	return p, err
}

// hash is of what of a checkout can change the extraction: its code and its modules.
func (s *Source) hash() (string, error) {
	if s.Version != "" {
		return "", nil
	}
	files, err := dirhash.DirFiles(s.Dir, "")
	if err != nil {
		return "", err
	}
	files = slices.DeleteFunc(files, func(name string) bool {
		isGo := strings.HasSuffix(name, ".go") && !strings.HasSuffix(name, "_test.go")
		return !isGo && path.Base(name) != "go.mod" && path.Base(name) != "go.sum"
	})
	return dirhash.Hash1(files, func(name string) (io.ReadCloser, error) { return os.Open(filepath.Join(s.Dir, name)) })
}

// Key is a name for files that belong to this source alone.
func (s *Source) Key() string {
	if s.Version != "" {
		return s.Version
	}
	return "checkout-" + strings.Trim(notInKey.ReplaceAllString(s.Dir, "-"), "-")
}

var notInKey = regexp.MustCompile(`[^A-Za-z0-9._]+`)
