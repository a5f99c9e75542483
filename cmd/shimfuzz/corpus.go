package main

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"shimfuzz/corpus"
	"shimfuzz/corpus/table"
)

// writeCorpus writes the corpus, or checks what is written. What stands in the folders of
// cases and is not in the table is removed.
func writeCorpus(o *options, root string) error {
	recorded, err := corpus.Recorded()
	if err != nil {
		return err
	}
	files, err := table.Files(recorded)
	if err != nil {
		return err
	}
	if o.check {
		return checkCorpus(files, root)
	}
	dirs := make(map[string]bool)
	for name := range files {
		if filepath.Ext(name) == ".bin" {
			dirs[filepath.Join(root, filepath.Dir(name))] = true
		}
	}
	for dir := range dirs {
		if err := errors.Join(os.RemoveAll(dir), os.MkdirAll(dir, 0o777)); err != nil {
			return err
		}
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(root, name), text, 0o666); err != nil {
			return err
		}
	}
	fmt.Printf("corpus: %d files written\n", len(files))
	return nil
}

// checkCorpus fails if the committed corpus is not what the table gives. That there is no
// other file is checked where the cases are loaded.
func checkCorpus(files map[string][]byte, root string) error {
	for _, name := range slices.Sorted(maps.Keys(files)) {
		text, err := os.ReadFile(filepath.Join(root, name))
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
		if err != nil || !bytes.Equal(text, files[name]) {
			return fmt.Errorf("%s is not what corpus/table gives: run make corpus, and commit", name)
		}
	}
	if _, err := corpus.Load(); err != nil {
		return err
	}
	fmt.Printf("corpus: %d files, all as the table gives them\n", len(files))
	return nil
}
