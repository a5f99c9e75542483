// Package workspace has what the lab does with an hcsshim under test: other workspaces, runs
// of programs, and copies of trees.
package workspace

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"

	"shimfuzz/internal/gocmd"
	"shimfuzz/internal/hcsshim/extract"
)

// Edited returns the build with another workspace beside its own: edits are flags of "go work
// edit".
func Edited(b *extract.Build, name string, edits ...string) (*extract.Build, error) {
	edited := *b
	edited.Work = filepath.Join(b.Dir, name+".work")
	file := edited.Work + ".new" // renamed into its place, for another process may be reading it
	text, err := os.ReadFile(b.Work)
	if err := errors.Join(err, os.WriteFile(file, text, 0o666)); err != nil {
		return nil, err
	}
	_, err = gocmd.Run(b.Dir, nil, slices.Concat([]string{"work", "edit"}, edits, []string{file})...)
	return &edited, errors.Join(err, os.Rename(file, edited.Work))
}

// Try runs cmd and returns all that it prints, and whether it failed. The error
// is one of running it.
func Try(cmd *exec.Cmd) (out string, failed bool, err error) {
	text, err := cmd.CombinedOutput()
	if _, failed = errors.AsType[*exec.ExitError](err); failed {
		err = nil
	}
	return string(text), failed, err
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
	return slices.DeleteFunc(entries, func(e fs.DirEntry) bool {
		return slices.Contains(w.hidden, path.Join(dir, e.Name()))
	}), err
}
