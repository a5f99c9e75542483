package fuzz

import (
	"bytes"
	"testing"

	"shimfuzz/corpus"
	"shimfuzz/internal/verify"
)

// BenchmarkTargets measures one execution of each target, on one of its seeds that OSS-Fuzz
// starts from after another, beside readOptions alone on the corpus.
func BenchmarkTargets(b *testing.B) {
	cases, err := corpus.Load()
	if err != nil {
		b.Fatal(err)
	}
	var small [][]byte
	for _, c := range cases {
		if c.Size <= MaxSeed {
			small = append(small, c.Payload.Bytes)
		}
	}
	d := verify.UnderTest()
	b.Run("readOptions", func(b *testing.B) {
		for i := 0; b.Loop(); i++ {
			payload := small[i%len(small)]
			d.Unrecovered(bytes.NewReader(payload))
		}
	})
	for _, target := range Targets {
		seeds, err := target.Seeds(MaxSeed)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(target.Name, func(b *testing.B) {
			b.ReportAllocs()
			before := verify.Decoded()
			for i := 0; b.Loop(); i++ {
				target.Run(b, seeds[i%len(seeds)].Parts...)
			}
			b.ReportMetric(float64(verify.Decoded()-before)/float64(b.N), "payloads/op")
		})
	}
}
