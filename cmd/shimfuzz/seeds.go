package main

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"shimfuzz/fuzz"
)

// writeSeeds writes the seed corpora that OSS-Fuzz starts from: for each target one archive
// of the corpus in the form that the target takes.
func writeSeeds(o *options, _ string) error {
	if o.seeds == "" {
		return errors.New("-out=folder is missing")
	}
	for _, target := range fuzz.Targets {
		if err := writeArchive(target, filepath.Join(o.seeds, target.Name+"_seed_corpus.zip")); err != nil {
			return fmt.Errorf("seeds of %s: %w", target.Name, err)
		}
	}
	return nil
}

// writeArchive writes each seed of a target under its case's name.
func writeArchive(target fuzz.Target, file string) error {
	seeds, _, err := target.Seeds()
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
		if _, err := f.Write(fuzz.Join(s.Parts)); err != nil {
			return err
		}
	}
	if err := w.Close(); err != nil {
		return err
	}
	return os.WriteFile(file, archive.Bytes(), 0o666)
}
