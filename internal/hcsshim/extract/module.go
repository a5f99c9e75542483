package extract

import (
	"cmp"
	"errors"
	"fmt"
	"go/version"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/mod/modfile"
	"golang.org/x/mod/module"
	"golang.org/x/mod/semver"

	"shimfuzz/internal/gocmd"
)

// apiModule has the bootstrap protocol, which hcsshim before v0.15.0-rc.4 did
// not require in any form; the suite then brings its own version.
const apiModule = "github.com/containerd/containerd/api"

// writeModule writes the go.mod of the extracted module, and the workspace that joins it
// to the suite with exactly the modules that hcsshim's own go.mod selects. Replacing each
// module by itself at that version is the only way to go below what the suite asks for.
func (b *Build) writeModule(deps []*goPackage) error {
	own, err := readModule(b.Root)
	if err != nil {
		return err
	}
	theirs, err := readModule(b.Source.Dir)
	if err != nil {
		return err
	}
	goVersion := newerGo(own, theirs)
	replace, err := b.replacements(modules(deps), own)
	if err != nil {
		return err
	}
	sums, err := os.ReadFile(filepath.Join(b.Source.Dir, "go.sum"))
	if err != nil {
		return fmt.Errorf("checksums: %w", err)
	}
	return errors.Join(
		writeFile(b.path("go.mod"), moduleText(goVersion, replace)),
		writeFile(b.path("go.sum"), sums),
		b.writeWork(goVersion, replace))
}

// newerGo is the newer of two modules' Go versions. The suite's own is always there.
func newerGo(own, theirs *modfile.File) string {
	if theirs.Go != nil && version.Compare("go"+theirs.Go.Version, "go"+own.Go.Version) > 0 {
		return theirs.Go.Version
	}
	return own.Go.Version
}

// selected is a module, at the version or in the folder that is to be built.
type selected struct {
	path, version string
	to            module.Version
}

// replacements are those of hcsshim itself and of the modules that it links, at the
// versions that it selects.
func (b *Build) replacements(theirs []*goModule, own *modfile.File) ([]selected, error) {
	ownAPI := requirement(own, apiModule)
	source := selected{hcsshimModule, cmp.Or(b.Source.Version, "v0.0.0"), module.Version{Path: hcsshimModule,
		Version: b.Source.Version}}
	if b.Source.Version == "" {
		source.to.Path = b.Source.Dir
	}
	all := []selected{source}
	hasAPI := false
	for _, m := range theirs {
		hasAPI = hasAPI || m.Path == apiModule
		if m.Path == apiModule && semver.Compare(m.Version, ownAPI) < 0 {
			continue
		}
		to := m
		if m.Replace != nil {
			to = m.Replace
		}
		if to.Version == "" && !filepath.IsAbs(to.Path) {
			to = &goModule{Path: filepath.Join(b.Source.Dir, to.Path)}
		}
		all = append(all, selected{m.Path, m.Version, module.Version{Path: to.Path, Version: to.Version}})
	}
	if hasAPI {
		return all, nil
	}
	dir, err := b.copyBootstrap(ownAPI)
	return append(all, selected{apiModule, ownAPI, module.Version{Path: dir}}), err
}

// requirement is the version of a module that another one requires.
func requirement(mod *modfile.File, path string) string {
	for _, r := range mod.Require {
		if r.Mod.Path == path {
			return r.Mod.Version
		}
	}
	return ""
}

// moduleText is the go.mod of the extracted module.
func moduleText(goVersion string, replace []selected) []byte {
	var b strings.Builder
	fmt.Fprintf(&b, "module %s\n\ngo %s\n\nrequire (\n", Module, goVersion)
	for _, r := range replace {
		fmt.Fprintf(&b, "\t%s %s\n", r.path, r.version)
	}
	b.WriteString(")\n")
	return []byte(b.String())
}

// writeWork writes the workspace of the suite and the extracted module.
func (b *Build) writeWork(goVersion string, replace []selected) error {
	work := &modfile.WorkFile{Syntax: new(modfile.FileSyntax)}
	err := errors.Join(work.AddGoStmt(goVersion), work.AddUse(b.Root, ""), work.AddUse(b.moduleDir(), ""))
	for _, r := range replace {
		err = errors.Join(err, work.AddReplace(r.path, "", r.to.Path, r.to.Version))
	}
	if err != nil {
		return err
	}
	return writeFile(b.Work, modfile.Format(work.Syntax))
}

// useByDefault writes the same workspace to the suite's root, where go commands find it
// by themselves.
func (b *Build) useByDefault() error {
	text, err := os.ReadFile(b.Work)
	if err != nil {
		return err
	}
	return writeFile(filepath.Join(b.Root, "go.work"), text)
}

// Edited returns the build with another workspace beside its own, which edit changes.
func (b *Build) Edited(name string, edit func(*modfile.WorkFile) error) (*Build, error) {
	text, err := os.ReadFile(b.Work)
	if err != nil {
		return nil, err
	}
	work, err := modfile.ParseWork(b.Work, text, nil)
	if err != nil {
		return nil, err
	}
	if err := edit(work); err != nil {
		return nil, err
	}
	work.Cleanup()
	edited := *b
	edited.Work = filepath.Join(b.Dir, name+".work")
	return &edited, writeFile(edited.Work, modfile.Format(work.Syntax))
}

// copyBootstrap makes a module of the bootstrap protocol, and of the Options that tests
// use beside hcsshim's, alone. hcsshim up to
// v0.12.5 requires a containerd that still has the other packages of apiModule
// in its own module, where they would be found twice.
func (b *Build) copyBootstrap(version string) (dir string, err error) {
	api, err := gocmd.Download(apiModule, version)
	if err != nil {
		return "", err
	}
	dir = filepath.Join(b.Dir, "api")
	if err := os.RemoveAll(dir); err != nil {
		return "", err
	}
	for _, pkg := range []string{"runtime/bootstrap/v1", "types/runc/options", "types/runtimeoptions/v1"} {
		if err := gocmd.CopyTree(filepath.Join(dir, pkg), filepath.Join(api.Dir, pkg)); err != nil {
			return "", err
		}
	}
	return dir, writeFile(filepath.Join(dir, "go.mod"), []byte("module "+apiModule+"\n\ngo 1.24\n"))
}

// modules lists the modules of the packages, hcsshim's own left out.
func modules(pkgs []*goPackage) []*goModule {
	byPath := make(map[string]*goModule)
	for _, p := range pkgs {
		if p.Module != nil && !p.Module.Main {
			byPath[p.Module.Path] = p.Module
		}
	}
	return slices.SortedFunc(maps.Values(byPath), func(a, b *goModule) int { return strings.Compare(a.Path, b.Path) })
}
