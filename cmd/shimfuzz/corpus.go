package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"shimfuzz/corpus/table"
)

// corpusFamilies are the folders that make corpus owns: what stands in them and
// is not in the table is removed.
var corpusFamilies = []string{"ambiguous", "bootstrap", "legacy", "malformed", "recorded"}

// corpus writes the corpus, or checks what is written.
func corpus(o *options, root string) error {
	files := table.Files()
	if o.check {
		return checkCorpus(files, root)
	}
	return writeCorpus(files, root)
}

// writeCorpus removes the built cases and writes the table's.
func writeCorpus(files map[string][]byte, root string) error {
	for _, family := range corpusFamilies {
		dir := filepath.Join(root, "corpus", family)
		if err := errors.Join(os.RemoveAll(dir), os.MkdirAll(dir, 0o777)); err != nil {
			return err
		}
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(root, filepath.FromSlash(name)), text, 0o666); err != nil {
			return err
		}
	}
	fmt.Printf("corpus: %d files written\n", len(files))
	return nil
}

// checkCorpus fails if the committed corpus is not what the table gives.
func checkCorpus(want map[string][]byte, root string) error {
	tree := os.DirFS(root)
	var differ []string
	for name, text := range want {
		old, err := fs.ReadFile(tree, name)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			differ = append(differ, name+" is missing")
		case err != nil:
			return err
		case !bytes.Equal(old, text):
			differ = append(differ, name+" differs")
		}
	}
	for _, family := range corpusFamilies {
		err := fs.WalkDir(tree, "corpus/"+family, func(name string, d fs.DirEntry, err error) error {
			if _, ok := want[name]; !ok && err == nil && !d.IsDir() {
				differ = append(differ, name+" is not in the table")
			}
			return err
		})
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	if len(differ) == 0 {
		fmt.Printf("corpus: %d files, all as the table gives them\n", len(want))
		return nil
	}
	slices.Sort(differ)
	more := ""
	if len(differ) > 10 {
		more = fmt.Sprintf("\n  … and %d more", len(differ)-10)
		differ = differ[:10]
	}
	return fmt.Errorf("corpus/ is not what corpus/table gives: run make corpus and commit\n  %s%s",
		strings.Join(differ, "\n  "), more)
}
