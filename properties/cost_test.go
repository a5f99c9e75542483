package properties

import (
	"bytes"
	"runtime"
	"slices"
	"testing"
	"time"

	"shimfuzz/internal/contract"
	"shimfuzz/internal/payload"
	"shimfuzz/internal/verify"
)

// Sixteen times the bytes cost no more than forty times the memory and the
// time: far from the 256 times of anything quadratic, and with room for
// buffers that grow in steps and for a noisy machine.
const (
	growth    = 16
	tolerance = 2.5
)

func TestLinear(t *testing.T) {
	const small = 1 << 16
	for _, d := range verify.Decoders {
		for _, shape := range payload.Shapes {
			t.Run(d.Name+"/"+shape.Name, func(t *testing.T) {
				little, much := shape.Make(small), shape.Make(small*growth)
				wider := float64(len(much)) / float64(len(little))
				memory := float64(allocated(d, much)) / float64(allocated(d, little))
				if memory > wider*tolerance {
					t.Errorf("%v\n%s, %s: %.0f times the bytes cost %.0f times the memory", contract.Linear, verify.DecoderName(d), shape.Name, wider, memory)
				}
				duration := float64(elapsed(d, much)) / float64(elapsed(d, little))
				if duration > wider*tolerance {
					t.Errorf("%v\n%s, %s: %.0f times the bytes cost %.0f times the time", contract.Linear, verify.DecoderName(d), shape.Name, wider, duration)
				}
			})
		}
	}
}

// allocated is how many bytes one decode allocates.
func allocated(d contract.Decoder, b []byte) uint64 {
	var before, after runtime.MemStats
	decode(d, b) // what is allocated only once
	runtime.ReadMemStats(&before)
	decode(d, b)
	runtime.ReadMemStats(&after)
	return max(1, after.TotalAlloc-before.TotalAlloc)
}

// elapsed is the shortest of some decodes: what disturbs one only adds to it.
func elapsed(d contract.Decoder, b []byte) time.Duration {
	var times []time.Duration
	for range 7 {
		start := time.Now()
		decode(d, b)
		times = append(times, time.Since(start))
	}
	return max(1, slices.Min(times))
}

func decode(d contract.Decoder, b []byte) contract.Outcome { return d.Decode(bytes.NewReader(b), b) }

// BenchmarkDecode reports, for each shape of payload, how many bytes are
// allocated for each byte on stdin.
func BenchmarkDecode(b *testing.B) {
	for _, d := range verify.Decoders {
		for _, shape := range payload.Shapes {
			b.Run(d.Name+"/"+shape.Name, func(b *testing.B) {
				input := shape.Make(1 << 20)
				b.SetBytes(int64(len(input)))
				b.ReportMetric(float64(allocated(d, input))/float64(len(input)), "allocated-B/B")
				for b.Loop() {
					decode(d, input)
				}
			})
		}
	}
}
