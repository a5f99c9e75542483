package main

import (
	"archive/zip"
	"io"
	"path/filepath"
	"testing"

	"shimfuzz/fuzz"
)

// An archive has each seed of its target, byte for byte.
func TestWriteSeeds(t *testing.T) {
	dir := t.TempDir()
	if err := writeSeeds(&options{out: dir}, ""); err != nil {
		t.Fatal(err)
	}
	for _, target := range fuzz.Targets {
		archive, err := zip.OpenReader(filepath.Join(dir, target.Name+"_seed_corpus.zip"))
		if err != nil {
			t.Fatal(err)
		}
		defer archive.Close()
		seeds, err := target.Seeds(fuzz.MaxSeed)
		if err != nil || len(archive.File) != len(seeds) || len(seeds) == 0 {
			t.Fatalf("%s: %d files for %d seeds, %v", target.Name, len(archive.File), len(seeds), err)
		}
		for _, s := range seeds {
			in, err := archive.Open(s.Case)
			if err != nil {
				t.Fatal(err)
			}
			got, err := io.ReadAll(in)
			if err != nil || string(got) != string(fuzz.Join(s.Parts)) {
				t.Errorf("%s: %s is %q, %v; want %q", target.Name, s.Case, got, err, s.Parts)
			}
		}
	}
}
