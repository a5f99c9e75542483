package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"shimfuzz/internal/hcsshim/extract"
)

// writeTree writes the suite with the hcsshim under test in it, all in plain
// files, for builders that know nothing of this program, such as OSS-Fuzz's.
func writeTree(_ context.Context, b *extract.Build) error {
	name := setting("TREE", "")
	if name == "" {
		return errors.New("TREE=folder is missing: where to write the tree")
	}
	dir, err := filepath.Abs(name)
	if err != nil {
		return err
	}
	if entries, err := os.ReadDir(dir); err == nil && len(entries) > 0 {
		return fmt.Errorf("TREE=%s: not empty", name)
	}
	if err := b.WriteTree(dir); err != nil {
		return fmt.Errorf("TREE=%s: %w", name, errors.Join(err, os.RemoveAll(dir))) // it was empty, or not there
	}
	fmt.Printf("the suite with hcsshim %s in it: %s\n", b.Source.Name, name)
	return nil
}
