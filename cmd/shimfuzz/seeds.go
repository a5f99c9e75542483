package main

import (
	"archive/zip"
	"errors"
	"os"
	"path/filepath"

	"shimfuzz/fuzz"
)

// writeSeeds writes the seed corpora that OSS-Fuzz starts from: for each target one archive
// of the corpus in the form that the target takes.
func writeSeeds(o *options, _ string) error {
	for _, target := range fuzz.Targets {
		if err := writeArchive(target, filepath.Join(o.out, target.Name+"_seed_corpus.zip")); err != nil {
			return err
		}
	}
	return nil
}

// writeArchive writes each seed of a target under its case's name.
func writeArchive(target fuzz.Target, name string) error {
	seeds, _, err := target.Seeds()
	if err != nil {
		return err
	}
	file, err := os.Create(name)
	if err != nil {
		return err
	}
	w := zip.NewWriter(file)
	for _, s := range seeds {
		f, createErr := w.CreateHeader(&zip.FileHeader{Name: s.Case}) // to compress takes longer than all else
		if createErr == nil {
			_, createErr = f.Write(fuzz.Join(s.Parts))
		}
		err = errors.Join(err, createErr)
	}
	return errors.Join(err, w.Close(), file.Close())
}
