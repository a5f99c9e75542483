// Command seeds writes the seed corpora that OSS-Fuzz starts from: for each
// target one archive of the corpus in the form that the target takes.
package main

import (
	"archive/zip"
	"bytes"
	"fmt"
	"os"
	"path/filepath"

	"shimfuzz/fuzz"
	"shimfuzz/internal/targets"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: seeds folder")
		os.Exit(2)
	}
	for _, name := range targets.Names() {
		if err := write(name, filepath.Join(os.Args[1], name+"_seed_corpus.zip")); err != nil {
			fmt.Fprintf(os.Stderr, "seeds of %s: %v\n", name, err)
			os.Exit(1)
		}
	}
}

// write writes each seed of a target under its case's name.
func write(target, file string) error {
	seeds, _, err := fuzz.Seeds(target)
	if err != nil {
		return err
	}
	var archive bytes.Buffer
	w := zip.NewWriter(&archive)
	for _, s := range seeds {
		f, err := w.Create(s.Case)
		if err != nil {
			return err
		}
		if _, err := f.Write(targets.Join(s.Parts)); err != nil {
			return err
		}
	}
	if err := w.Close(); err != nil {
		return err
	}
	return os.WriteFile(file, archive.Bytes(), 0o666)
}
