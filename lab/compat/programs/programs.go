// Package programs builds programs of this suite in modules of their own, so that
// they link releases that the suite's go.mod does not select.
package programs

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/mod/modfile"

	"shimfuzz/internal/gocmd"
)

// Module is a module to be written to a temporary folder and built there.
type Module struct {
	Path    string            // for imports within it
	Release *gocmd.Module     // to link, with the versions that it selects
	Tags    []string          // for its build, beside shimfuzz, which files have that are built in such a module alone
	Files   map[string][]byte // by slash-separated path
}

// New returns a module with files of the suite, at the same place.
func New(root, modulePath string, release *gocmd.Module, patterns ...string) (*Module, error) {
	m := &Module{Path: modulePath, Release: release, Files: make(map[string][]byte)}
	suite := os.DirFS(root)
	for _, pattern := range patterns {
		names, err := fs.Glob(suite, pattern)
		if err != nil {
			return nil, err
		}
		for _, name := range names {
			if m.Files[name], err = fs.ReadFile(suite, name); err != nil {
				return nil, err
			}
		}
	}
	return m, nil
}

// Build writes the module and builds packages, with more of go build's environment and
// flags, each to a file in bin that is named for the package's folder. It works in a
// temporary folder, so that several processes may build the same module at the same time.
// The error has go build's output.
func (m *Module) Build(bin string, env, flags []string, packages ...string) error {
	dir, err := os.MkdirTemp(bin, "module-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if err := m.write(dir); err != nil {
		return err
	}
	out := filepath.Join(dir, "bin")
	args := []string{"build", "-mod=mod", "-buildvcs=false", "-trimpath",
		"-tags=" + strings.Join(append(m.Tags, "shimfuzz"), ","), "-o", out + string(filepath.Separator)}
	args = slices.Concat(args, flags, packages)
	if _, err := gocmd.Run(dir, append([]string{"CGO_ENABLED=0"}, env...), args...); err != nil {
		return fmt.Errorf("%s %s:\n\t%s", m.Release.Path, m.Release.Version,
			strings.ReplaceAll(err.Error(), "\n", "\n\t"))
	}
	built, err := os.ReadDir(out)
	for _, program := range built {
		err = errors.Join(err, os.Rename(filepath.Join(out, program.Name()), filepath.Join(bin, program.Name())))
	}
	return err
}

// write writes the module to dir. Its go.mod requires the release and all that the
// release requires, so that the same versions are selected as in the release itself.
func (m *Module) write(dir string) error {
	text, err := os.ReadFile(m.Release.GoMod)
	if err != nil {
		return err
	}
	mod, err := modfile.Parse(m.Release.GoMod, text, nil)
	if err == nil {
		err = m.edit(mod)
	}
	if err != nil {
		return err
	}
	mod.Cleanup()
	files := maps.Clone(m.Files)
	files["go.mod"] = modfile.Format(mod.Syntax)
	files["go.sum"], _ = os.ReadFile(filepath.Join(m.Release.Dir, "go.sum")) // which not every release has
	for name, text := range files {
		name = filepath.Join(dir, filepath.FromSlash(name))
		err = errors.Join(err, os.MkdirAll(filepath.Dir(name), 0o777), os.WriteFile(name, text, 0o666))
	}
	return err
}

// edit turns the release's go.mod into the module's, which takes the release from the
// module cache, or from its folder if it is a checkout.
func (m *Module) edit(mod *modfile.File) error {
	mod.DropToolchainStmt()
	err := mod.AddModuleStmt(m.Path)
	for _, r := range mod.Replace {
		if r.New.Version == "" && !filepath.IsAbs(r.New.Path) {
			place := filepath.Join(m.Release.Dir, r.New.Path)
			err = errors.Join(err, mod.AddReplace(r.Old.Path, r.Old.Version, place, ""))
		}
	}
	if m.Release.Version == "" {
		err = errors.Join(err, mod.AddReplace(m.Release.Path, "", m.Release.Dir, ""))
	}
	return errors.Join(err, mod.AddRequire(m.Release.Path, cmp.Or(m.Release.Version, "v0.0.0")))
}
