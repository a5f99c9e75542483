package extract

import (
	"bytes"
	"errors"
	"fmt"
	"go/version"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/mod/modfile"
	"golang.org/x/mod/semver"

	"shimfuzz/internal/gocmd"
)

// apiModule has the bootstrap protocol, which hcsshim before v0.15.0-rc.4 did
// not require in any form; the suite then brings its own version.
const apiModule = "github.com/containerd/containerd/api"

// writeModule writes a go.mod, next to the tree's own, that builds the suite with
// exactly the modules that hcsshim's own go.mod selects. Replacing each module
// by itself at that version is the only way to go below what the suite asks for.
func (b *Build) writeModule(deps []*goPackage) error {
	err := gocmd.EditModule(b.modfile(), filepath.Join(b.Root, "go.mod"), func(mod *modfile.File) error {
		own := make(map[string]string)
		for _, r := range slices.Clone(mod.Require) {
			own[r.Mod.Path] = r.Mod.Version
			if r.Indirect {
				if err := mod.DropRequire(r.Mod.Path); err != nil {
					return err
				}
			}
		}
		return errors.Join(b.requireSource(mod), b.requireGo(mod), b.selectModules(mod, modules(deps), own[apiModule]))
	})
	return errors.Join(err, b.writeSums())
}

// selectModules replaces each of hcsshim's modules by itself. ownAPI is the
// version of apiModule that the suite requires.
func (b *Build) selectModules(mod *modfile.File, theirs []*goModule, ownAPI string) error {
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
		if err := mod.AddReplace(m.Path, "", to.Path, to.Version); err != nil {
			return err
		}
	}
	if hasAPI {
		return nil
	}
	dir, err := b.copyBootstrap(ownAPI)
	if err != nil {
		return err
	}
	return mod.AddReplace(apiModule, "", dir, "")
}

// copyBootstrap makes a module of the bootstrap protocol, and of the Options that tests
// use beside hcsshim's, alone. hcsshim up to
// v0.12.5 requires a containerd that still has the other packages of apiModule
// in its own module, where they would be found twice.
func (b *Build) copyBootstrap(version string) (dir string, err error) {
	module, err := gocmd.Download(apiModule, version)
	if err != nil {
		return "", err
	}
	dir = filepath.Join(b.Dir, "api")
	if err := os.RemoveAll(dir); err != nil {
		return "", err
	}
	for _, pkg := range []string{"runtime/bootstrap/v1", "types/runc/options", "types/runtimeoptions/v1"} {
		if err := CopyTree(filepath.Join(dir, pkg), filepath.Join(module.Dir, pkg)); err != nil {
			return "", err
		}
	}
	return dir, writeFile(filepath.Join(dir, "go.mod"), []byte("module "+apiModule+"\n\ngo 1.24\n"))
}

// requireSource makes mod require the hcsshim under test and nothing that only
// the suite's own linter needs.
func (b *Build) requireSource(mod *modfile.File) error {
	for _, t := range slices.Clone(mod.Tool) {
		if err := mod.DropTool(t.Path); err != nil {
			return err
		}
	}
	// A replacement, too: containerd requires an hcsshim of its own.
	if b.Source.Version != "" {
		return mod.AddReplace(hcsshimModule, "", hcsshimModule, b.Source.Version)
	}
	return mod.AddReplace(hcsshimModule, "", b.Source.Dir, "")
}

// requireGo raises the Go version to hcsshim's, if that is newer than the suite's.
func (b *Build) requireGo(mod *modfile.File) error {
	theirs, err := readModule(b.Source.Dir)
	if err != nil {
		return err
	}
	if theirs.Go == nil || version.Compare("go"+theirs.Go.Version, "go"+mod.Go.Version) <= 0 {
		return nil
	}
	return mod.AddGoStmt(theirs.Go.Version)
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

// writeSums joins the checksums that the suite and hcsshim have committed.
func (b *Build) writeSums() error {
	var sums bytes.Buffer
	for _, dir := range []string{b.Root, b.Source.Dir} {
		text, err := os.ReadFile(filepath.Join(dir, "go.sum"))
		if err != nil {
			return fmt.Errorf("checksums: %w", err)
		}
		sums.Write(text)
	}
	return writeFile(filepath.Join(b.Dir, "go.sum"), sums.Bytes())
}
