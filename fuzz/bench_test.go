package fuzz

import (
	"bytes"
	"testing"

	"shimfuzz/corpus"
	"shimfuzz/internal/hcsshim"
	"shimfuzz/internal/reference"
	"shimfuzz/internal/verify"
)

// BenchmarkReadOptions measures the parts of one execution of the raw target, and
// all of it (target), on one payload of the corpus after another.
func BenchmarkReadOptions(b *testing.B) {
	cases, err := corpus.Load()
	if err != nil {
		b.Fatal(err)
	}
	for _, part := range []struct {
		name string
		run  func([]byte)
	}{
		{"readOptions", func(b []byte) { _, _ = hcsshim.ReadOptions(bytes.NewReader(b)) }},
		{"watched", func(b []byte) { verify.UnderTest().Decode(bytes.NewReader(b), b) }},
		{"reference", func(b []byte) { _, _ = reference.ReadOptions(bytes.NewReader(b)) }},
		{"target", func(p []byte) { ReadOptions(b, p) }},
	} {
		b.Run(part.name, func(b *testing.B) {
			for i := 0; b.Loop(); i++ {
				part.run(cases[i%len(cases)].Payload.Bytes)
			}
		})
	}
}
