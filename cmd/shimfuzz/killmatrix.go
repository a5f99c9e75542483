package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"

	"shimfuzz/internal/hcsshim/extract"
	"shimfuzz/internal/quality/killmatrix"
)

// writeKillMatrix prints the summary and writes every mutant into two files.
// properties are the properties' tests, to name those that kill nothing alone.
func writeKillMatrix(b *extract.Build, all []*killmatrix.Mutant, properties []string) error {
	var names []string
	fuzz := make(map[string]bool)
	for _, l := range layers {
		names = append(names, l.name)
		fuzz[l.name] = l.pkg == "fuzz"
	}
	fmt.Println()
	killmatrix.Text(os.Stdout, all, names, properties, func(l string) bool { return fuzz[l] })
	var rows bytes.Buffer
	killmatrix.Rows(&rows, all)
	var page bytes.Buffer
	if err := killmatrix.HTML(&page, "shimfuzz on mutants of hcsshim "+b.Source.Name+" and of the reference", all, names); err != nil {
		return err
	}
	fmt.Println()
	for name, text := range map[string][]byte{"mutants.html": page.Bytes(), "mutants.txt": rows.Bytes()} {
		file := filepath.Join(b.Dir, name)
		if err := os.WriteFile(file, text, 0o666); err != nil {
			return err
		}
		fmt.Printf("every mutant: %s\n", file)
	}
	return nil
}
