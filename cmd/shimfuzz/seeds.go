package main

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing/fstest"

	"shimfuzz/fuzz"
	"shimfuzz/internal/contract"
	"shimfuzz/internal/grammar"
	"shimfuzz/internal/wire"
)

// writeSeeds writes what OSS-Fuzz starts from: for each target one archive of the corpus in the
// form that the target takes, each seed under its case's name; and the dictionary.
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
	return os.WriteFile(filepath.Join(o.out, "readoptions.dict"), dictionary(), 0o666)
}

// dictionary is what a mutating fuzzer would hardly find by itself, in libFuzzer's format
// (https://llvm.org/docs/LibFuzzer.html#dictionaries): the short tokens of the grammar.
func dictionary() (b []byte) {
	line := func(name string, text []byte) {
		b = fmt.Appendf(b, "%s=\"", name)
		for _, c := range text {
			b = fmt.Appendf(b, `\x%02x`, c)
		}
		b = append(b, "\"\n"...)
	}
	line("separator", []byte(fuzz.Separator))
	line("extension", wire.Message{wire.Sub(8, wire.Sub(1, wire.String(1, contract.OptionsName)))}.Encode())
	const longest = 40 // bytes; libFuzzer's own limit is 64
	seen := make(map[string]bool)
	for _, c := range grammar.RunHCS.Contexts() {
		for _, t := range grammar.RunHCS.Tokens(c.Level) {
			if !t.Single && len(t.Bytes) > 0 && len(t.Bytes) <= longest && !seen[string(t.Bytes)] {
				seen[string(t.Bytes)] = true
				line(fmt.Sprintf("%s_%d", c.Level, len(seen)), t.Bytes)
			}
		}
	}
	return b
}
