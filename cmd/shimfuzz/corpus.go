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
	files := table.Files(recorded)
	if o.check {
		return checkCorpus(files, root)
	}
	for name := range files {
		if filepath.Ext(name) == ".bin" {
			err = errors.Join(err, os.RemoveAll(filepath.Join(root, filepath.Dir(name))))
		}
	}
	for name, text := range files {
		name = filepath.Join(root, name)
		err = errors.Join(err, os.MkdirAll(filepath.Dir(name), 0o777), os.WriteFile(name, text, 0o666))
	}
	if err != nil {
		return err
	}
	fmt.Printf("corpus: %d files written\n", len(files))
	return nil
}

// checkCorpus fails if the committed corpus is not what the table gives. That there is no
// other file is tested beside the corpus.
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
	fmt.Printf("corpus: %d files, all as the table gives them\n", len(files))
	return nil
}
