package table

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"shimfuzz/corpus"
)

// Write writes the corpus, or checks what is written.
func Write(root string, check bool) error {
	recorded, err := corpus.Recorded()
	if err != nil {
		return err
	}
	files := Files(recorded)
	for name, text := range files {
		file := filepath.Join(root, name)
		written, readErr := os.ReadFile(file)
		switch {
		case readErr == nil && bytes.Equal(written, text):
		case check:
			err = errors.Join(err, fmt.Errorf("%s is not what lab/table gives: run make corpus, and commit", name))
		default:
			err = errors.Join(err, os.MkdirAll(filepath.Dir(file), 0o777), os.WriteFile(file, text, 0o666))
		}
	}
	all, globErr := filepath.Glob(filepath.Join(root, "corpus", "*", "*.bin"))
	err = errors.Join(err, globErr)
	for _, file := range all {
		name, _ := filepath.Rel(root, file)
		if files[filepath.ToSlash(name)] == nil {
			err = errors.Join(err, fmt.Errorf("no row of lab/table gives %s: add one, or remove the file", name))
		}
	}
	if err == nil {
		fmt.Printf("corpus: %d files, all as the table gives them\n", len(files))
	}
	return err
}
