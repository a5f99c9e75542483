package fuzz

import (
	"bytes"
	"testing"

	"shimfuzz/internal/verify"
)

// BenchmarkTargets measures one execution of each target, on one of its seeds that OSS-Fuzz
// starts from after another, beside readOptions alone on the corpus.
func BenchmarkTargets(b *testing.B) {
	d := verify.UnderTest()
	b.Run("readOptions", func(b *testing.B) {
		seeds := toRun(b, Targets[0], MaxSeed)
		for i := 0; b.Loop(); i++ {
			d.Unrecovered(bytes.NewReader(seeds[i%len(seeds)].Parts[0]))
		}
	})
	for _, target := range Targets {
		seeds := toRun(b, target, MaxSeed)
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
