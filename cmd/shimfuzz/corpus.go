package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"shimfuzz/corpus"
	"shimfuzz/corpus/table"
)

// writeCorpus writes the corpus, or checks what is written.
func writeCorpus(o *options, root string) error {
	recorded, err := corpus.Recorded()
	if err != nil {
		return err
	}
	files, result := table.Files(recorded), ", all as the table gives them"
	if o.check {
		err = checkCorpus(files, root)
	} else {
		result = " written"
		for name, text := range files {
			file := filepath.Join(root, name)
			err = errors.Join(err, os.MkdirAll(filepath.Dir(file), 0o777), os.WriteFile(file, text, 0o666))
		}
	}
	written, globErr := filepath.Glob(filepath.Join(root, "corpus", "*", "*.bin"))
	err = errors.Join(err, globErr)
	for _, file := range written {
		name, _ := filepath.Rel(root, file)
		if files[filepath.ToSlash(name)] == nil {
			err = errors.Join(err, fmt.Errorf("no row of corpus/table gives %s: add one, or remove the file", name))
		}
	}
	if err == nil {
		fmt.Printf("corpus: %d files%s\n", len(files), result)
	}
	return err
}

// checkCorpus fails if the committed corpus is not what the table gives.
func checkCorpus(files map[string][]byte, root string) error {
	var outdated []string
	for name, text := range files {
		if written, err := os.ReadFile(filepath.Join(root, name)); err != nil || !bytes.Equal(written, text) {
			outdated = append(outdated, name)
		}
	}
	if len(outdated) > 0 {
		return fmt.Errorf("%s is not what corpus/table gives: run make corpus, and commit", slices.Min(outdated))
	}
	return nil
}
