package main

import (
	"archive/zip"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"shimfuzz/fuzz"
)

// An archive has each seed of its target, byte for byte. The dictionary has what libFuzzer reads:
// names, and text in which each byte is an escape.
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
	text, err := os.ReadFile(filepath.Join(dir, "readoptions.dict"))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if !regexp.MustCompile(`^\w+="(\\x[0-9a-f]{2})+"\n$`).MatchString(line) {
			t.Errorf("readoptions.dict: %q", line)
		}
	}
	if !strings.HasPrefix(string(text), `separator="\xff\xfe\x3c\x7c\x3e"`+"\n") {
		t.Errorf("readoptions.dict begins with %.60q", text)
	}
}
