package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"shimfuzz/corpus/table"
	"shimfuzz/internal/extract"
)

// corpusFamilies are the folders that make corpus owns: what stands in them and
// is not in the table is removed.
var corpusFamilies = []string{"ambiguous", "bootstrap", "legacy", "malformed"}

// writeCorpus wipes the built cases and writes the table's.
func writeCorpus(_ context.Context, b *extract.Build) error {
	files, err := table.Files()
	if err != nil {
		return err
	}
	dir := filepath.Join(b.Root, "corpus")
	for _, family := range corpusFamilies {
		if err := os.RemoveAll(filepath.Join(dir, family)); err != nil {
			return err
		}
		if err := os.MkdirAll(filepath.Join(dir, family), 0o777); err != nil {
			return err
		}
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, filepath.FromSlash(name)), text, 0o666); err != nil {
			return err
		}
	}
	fmt.Printf("corpus: %d cases written\n", len(files)-1)
	return nil
}

// checkCorpus fails if the committed corpus is not what the table gives.
func checkCorpus(_ context.Context, b *extract.Build) error {
	want, err := table.Files()
	if err != nil {
		return err
	}
	have, err := corpusFiles(filepath.Join(b.Root, "corpus"))
	if err != nil {
		return err
	}
	var differ []string
	for name, text := range want {
		if old, ok := have[name]; !ok {
			differ = append(differ, name+" is missing")
		} else if !bytes.Equal(old, text) {
			differ = append(differ, name+" differs")
		}
	}
	for name := range have {
		if _, ok := want[name]; !ok {
			differ = append(differ, name+" is not in the table")
		}
	}
	if len(differ) == 0 {
		fmt.Printf("corpus: %d cases, all as the table gives them\n", len(want)-1)
		return nil
	}
	slices.Sort(differ)
	more := ""
	if len(differ) > 10 {
		more = fmt.Sprintf("\n  … and %d more", len(differ)-10)
		differ = differ[:10]
	}
	return fmt.Errorf("corpus/ is not what corpus/table gives: run make corpus and commit\n  %s%s", strings.Join(differ, "\n  "), more)
}

// corpusFiles reads the index and the folders that make corpus owns.
func corpusFiles(dir string) (map[string][]byte, error) {
	have := make(map[string][]byte)
	for _, part := range append([]string{table.IndexFile}, corpusFamilies...) {
		err := filepath.WalkDir(filepath.Join(dir, part), func(name string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			rel, err := filepath.Rel(dir, name)
			if err != nil {
				return err
			}
			have[filepath.ToSlash(rel)], err = os.ReadFile(name)
			return err
		})
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
	}
	return have, nil
}
