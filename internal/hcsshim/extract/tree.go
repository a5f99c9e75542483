package extract

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// WriteTree writes the suite to dir with what has been extracted in its place,
// as one Go module that needs no flags. Its go.mod names the checkout under test,
// and what else was found on this machine, by absolute paths.
func (b *Build) WriteTree(dir string) error {
	own := filepath.Join(b.Root, filepath.FromSlash(linkedDir))
	skip := func(name string) bool {
		return name == filepath.Join(b.Root, "build") || filepath.Base(name) == ".git" || !b.inTree() && name == own
	}
	if err := CopyTree(dir, b.Root, skip); err != nil || b.inTree() {
		return err
	}
	if err := CopyTree(dir, filepath.Join(b.Dir, "tree"), nil); err != nil {
		return err
	}
	for _, name := range []string{"go.mod", "go.sum"} {
		if err := copyFile(filepath.Join(dir, name), filepath.Join(b.Dir, name)); err != nil {
			return err
		}
	}
	return nil
}

// CopyTree copies the regular files below from, but for what skip names, and
// makes them writable.
func CopyTree(to, from string, skip func(name string) bool) error {
	return filepath.WalkDir(from, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if name == to || skip != nil && skip(name) {
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		rel, err := filepath.Rel(from, name)
		if err != nil {
			return err
		}
		switch {
		case d.IsDir():
			return os.MkdirAll(filepath.Join(to, rel), 0o777)
		case d.Type().IsRegular():
			return copyFile(filepath.Join(to, rel), name)
		}
		return nil
	})
}

func copyFile(to, from string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	info, err := in.Stat()
	if err != nil {
		return err
	}
	out, err := os.OpenFile(to, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, info.Mode().Perm()|0o200)
	if err != nil {
		return err
	}
	if _, err := io.Copy(out, in); err != nil {
		out.Close()
		return fmt.Errorf("writing %s: %w", to, err)
	}
	return out.Close()
}
