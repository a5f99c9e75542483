package main

import (
	"archive/zip"
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing/fstest"

	"shimfuzz/fuzz"
)

// writeSeeds writes the seed corpora that OSS-Fuzz starts from: for each target one archive
// of the corpus in the form that the target takes, each seed under its case's name.
func writeSeeds(o *options, _ string) error {
	for _, target := range fuzz.Targets {
		seeds, err := target.Seeds(fuzz.MaxSeed)
		if err != nil {
			return err
		}
		files := make(fstest.MapFS)
		for _, s := range seeds {
			files[s.Case] = &fstest.MapFile{Data: fuzz.Join(s.Parts)}
		}
		var archive bytes.Buffer
		w := zip.NewWriter(&archive)
		name := filepath.Join(o.out, target.Name+"_seed_corpus.zip")
		if err := errors.Join(w.AddFS(files), w.Close(), os.WriteFile(name, archive.Bytes(), 0o666)); err != nil {
			return err
		}
	}
	return nil
}
