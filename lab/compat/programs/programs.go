// Package programs builds programs of this suite in copies of other modules, so that they
// link what those link, and may import what is internal there.
package programs

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"shimfuzz/internal/gocmd"
	"shimfuzz/lab/workspace"
)

// Module is a module of which a copy is made with files of the suite, and built.
type Module struct {
	*gocmd.Module
	Files map[string][]byte // by slash-separated path, below Folder; they import each other as in the suite
}

// Folder is where in the module the files are, relative to its root.
const Folder = "shimfuzz/"

// New returns a module with files of the suite.
func New(root string, release *gocmd.Module, patterns ...string) (*Module, error) {
	m := &Module{Module: release, Files: make(map[string][]byte)}
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

// Build builds packages of the copy, with more of go build's flags, each to a file in bin that
// is named for the package's folder. The copy is a temporary one, so that several processes
// may build the same at the same time. The error has go build's output.
func (m *Module) Build(bin string, flags []string, packages ...string) error {
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
		"-tags=shimfuzz", "-o", out + string(filepath.Separator)} // a tag of files that are built so alone
	args = slices.Concat(args, flags, packages)
	if _, err := gocmd.Run(dir, []string{"CGO_ENABLED=0"}, args...); err != nil {
		return fmt.Errorf("%s %s:\n\t%s", m.Path, m.Version, strings.ReplaceAll(err.Error(), "\n", "\n\t"))
	}
	built, err := os.ReadDir(out)
	for _, program := range built {
		err = errors.Join(err, os.Rename(filepath.Join(out, program.Name()), filepath.Join(bin, program.Name())))
	}
	return err
}

// relative is a replacement in go.mod by a folder near that of a checkout.
var relative = regexp.MustCompile(`=> (\.\.?/\S*)`)

// write writes the copy to dir.
func (m *Module) write(dir string) error {
	if err := workspace.CopyTree(dir, m.Dir, ".git", "vendor"); err != nil {
		return err
	}
	goMod, err := os.ReadFile(filepath.Join(m.Dir, "go.mod"))
	all := map[string][]byte{"go.mod": relative.ReplaceAll(goMod, []byte("=> "+m.Dir+"/$1"))}
	for name, text := range m.Files {
		all[Folder+name] = bytes.ReplaceAll(text, []byte(`"shimfuzz/`), []byte(`"`+m.Path+"/"+Folder))
	}
	for name, text := range all {
		name = filepath.Join(dir, filepath.FromSlash(name))
		err = errors.Join(err, os.MkdirAll(filepath.Dir(name), 0o777), os.WriteFile(name, text, 0o666))
	}
	return err
}
