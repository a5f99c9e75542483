package extract

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
)

// WriteTree writes the suite to dir with what has been extracted where it belongs,
// as one Go module that needs no flags. Its go.mod names the checkout under test,
// and what else was found on this machine, by absolute paths.
func (b *Build) WriteTree(dir string) error {
	hidden := []string{"build", ".git"}
	if rel, err := filepath.Rel(b.Root, dir); err == nil {
		hidden = append(hidden, filepath.ToSlash(rel))
	}
	if b.inTree() {
		return CopyTree(dir, b.Root, hidden...)
	}
	return errors.Join(
		CopyTree(dir, b.Root, append(hidden, "go.mod", "go.sum", decoderFile, createFile, linkedDir)...),
		CopyTree(dir, filepath.Join(b.Dir, "tree")),
		copyFile(filepath.Join(dir, "go.mod"), b.modfile()),
		copyFile(filepath.Join(dir, "go.sum"), filepath.Join(b.Dir, "go.sum")))
}

// CopyTree copies what is below from, but for the hidden names, which are
// slash-separated and start there. What it copies is writable.
func CopyTree(to, from string, hidden ...string) error {
	return os.CopyFS(to, without{os.DirFS(from), hidden})
}

// without is a file system in which some names are not listed.
type without struct {
	fs.FS
	hidden []string
}

func (w without) ReadDir(dir string) ([]fs.DirEntry, error) {
	entries, err := fs.ReadDir(w.FS, dir)
	return slices.DeleteFunc(entries, func(e fs.DirEntry) bool { return slices.Contains(w.hidden, path.Join(dir, e.Name())) }), err
}

func copyFile(to, from string) error {
	text, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, text, 0o666)
}
