// Package workspace has what the lab does with an hcsshim under test: other workspaces, and
// programs and copies of trees for it.
package workspace

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"

	"golang.org/x/mod/modfile"

	"shimfuzz/internal/gocmd"
	"shimfuzz/internal/hcsshim/extract"
	"shimfuzz/internal/settings"
)

// Edited returns the build with another workspace beside its own, which edit changes.
func Edited(b *extract.Build, name string, edit func(*modfile.WorkFile) error) (*extract.Build, error) {
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
	// Renamed into its place, for another process may be reading it.
	err = os.WriteFile(edited.Work+".new", modfile.Format(work.Syntax), 0o666)
	return &edited, errors.Join(err, os.Rename(edited.Work+".new", edited.Work))
}

// Program builds a program of the tree and prepares it to be run with the settings.
func Program(ctx context.Context, b *extract.Build, s settings.Test, pkg string, args ...string) (*exec.Cmd, error) {
	// The go command names the program, because on Windows only one in .exe is found.
	if err := gocmd.Show(b.Go(ctx, s, "build", "-buildvcs=false", "-o", b.Dir+string(filepath.Separator),
		pkg)); err != nil {
		return nil, err
	}
	return b.Command(ctx, s, filepath.Join(b.Dir, path.Base(pkg)), args...), nil
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
