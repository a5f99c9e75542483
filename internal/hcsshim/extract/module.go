package extract

import (
	"cmp"
	"errors"
	"go/version"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"golang.org/x/mod/modfile"
	"golang.org/x/mod/semver"
	"golang.org/x/tools/go/packages"

	"shimfuzz/internal/gocmd"
)

// apiModule has the bootstrap protocol, which hcsshim before v0.15.0-rc.4 did
// not require in any form; the suite then brings its own version.
const apiModule = "github.com/containerd/containerd/api"

// writeModule writes the go.mod of the extracted module, and the workspace that joins it
// to the suite with exactly the modules that hcsshim's own go.mod selects. Replacing each
// module by itself at that version is the only way to go below what the suite asks for.
func (b *Build) writeModule(deps map[string]*packages.Package) error {
	own, errOwn := readModule(b.Root)
	theirs, errTheirs := readModule(b.Source.Dir)
	sums, errSums := os.ReadFile(filepath.Join(b.Source.Dir, "go.sum"))
	if err := errors.Join(errOwn, errTheirs, errSums); err != nil {
		return err
	}
	modules, err := b.modules(deps, requirement(own, apiModule))
	if err != nil {
		return err
	}
	mod, work := new(modfile.File), &modfile.WorkFile{Syntax: new(modfile.FileSyntax)}
	goVersion := newerGo(own, theirs)
	err = errors.Join(mod.AddModuleStmt(Module), mod.AddGoStmt(goVersion),
		work.AddGoStmt(goVersion), work.AddUse(b.Root, ""), work.AddUse(b.path(""), ""))
	for _, m := range modules {
		mod.AddNewRequire(m.Path, cmp.Or(m.Version, "v0.0.0"), false)
		to := cmp.Or(m.Replace, m)
		with := to.Path
		if to.Version == "" {
			with = m.Dir
		}
		err = errors.Join(err, work.AddReplace(m.Path, "", with, to.Version))
	}
	return errors.Join(err,
		writeFile(b.path("go.mod"), modfile.Format(mod.Syntax)),
		writeFile(b.path("go.sum"), sums),
		writeFile(b.Work, modfile.Format(work.Syntax)))
}

// newerGo is the newer of two modules' Go versions. The suite's own is always there.
func newerGo(own, theirs *modfile.File) string {
	if theirs.Go != nil && version.Compare("go"+theirs.Go.Version, "go"+own.Go.Version) > 0 {
		return theirs.Go.Version
	}
	return own.Go.Version
}

// modules are hcsshim itself and the modules that it links, at the versions that it selects.
func (b *Build) modules(deps map[string]*packages.Package, ownAPI string) ([]*packages.Module, error) {
	linked := make(map[string]*packages.Module)
	for _, p := range deps {
		if p.Module != nil && !p.Module.Main {
			linked[p.Module.Path] = p.Module
		}
	}
	all := []*packages.Module{{Path: hcsshimModule, Version: b.Source.Version, Dir: b.Source.Dir}}
	for _, path := range slices.Sorted(maps.Keys(linked)) {
		if path != apiModule || semver.Compare(linked[path].Version, ownAPI) >= 0 {
			all = append(all, linked[path])
		}
	}
	if linked[apiModule] != nil {
		return all, nil
	}
	dir, err := b.copyBootstrap(ownAPI)
	return append(all, &packages.Module{Path: apiModule, Version: ownAPI, Dir: dir, Replace: new(packages.Module)}), err
}

// copyBootstrap makes a module of the bootstrap protocol, and of the Options that tests
// use beside hcsshim's, alone. hcsshim up to v0.12.5 requires a containerd that still has
// the other packages of apiModule in its own module, where they would be found twice.
func (b *Build) copyBootstrap(version string) (dir string, err error) {
	api, err := gocmd.Download(apiModule, version)
	if err != nil {
		return "", err
	}
	dir = filepath.Join(b.Dir, "api")
	err = os.RemoveAll(dir)
	for _, pkg := range []string{"runtime/bootstrap/v1", "types/runc/options", "types/runtimeoptions/v1"} {
		err = errors.Join(err, os.CopyFS(filepath.Join(dir, pkg), os.DirFS(filepath.Join(api.Dir, pkg))))
	}
	return dir, errors.Join(err, writeFile(filepath.Join(dir, "go.mod"), []byte("module "+apiModule+"\n\ngo 1.24\n")))
}
