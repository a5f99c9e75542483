package properties

import (
	"bytes"
	"fmt"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/reflect/protoreflect"

	"shimfuzz/internal/contract"
	"shimfuzz/internal/decoder"
	"shimfuzz/internal/grammar"
	"shimfuzz/internal/reference"
	"shimfuzz/internal/stdin"
	"shimfuzz/internal/verify"
)

// Sixteen times the bytes cost no more than 2.5 times the memory for each byte,
// and no more than 6 times the work of the processor: far from the 16 times of
// anything quadratic, with room for buffers that grow in steps, and for caches
// that others use, too.
//
// One byte on stdin costs up to maxMemory bytes of memory, and a payload of a
// few bytes up to minMemory: measured 169 (a value of a foreign type; 53
// otherwise) and 1,496 with hcsshim v0.15.0 (make bench), so an allocation that
// does not depend on the payload shows.
const (
	growth      = 16
	memoryRatio = 2.5
	workRatio   = 6
	maxMemory   = 250
	minMemory   = 32 << 10
)

func TestLinear(t *testing.T) {
	const small = 1 << 14
	for _, d := range verify.Decoders() {
		for _, shape := range grammar.Shapes {
			little, much := shape.Make(small), shape.Make(small*growth)
			if d.Input == contract.Create && stdin.IsBootstrap(little) {
				continue
			}
			t.Run(d.Name+"/"+shape.Name, func(t *testing.T) {
				for _, b := range [][]byte{little, much} {
					p := grammar.Payload{Bytes: b, Want: reference.Want(b), Description: shape.Name}
					if p.Want.Kind != shape.Want {
						t.Fatalf("%s of %d bytes: the reference answers %v, want %s", shape.Name, len(b), p.Want.Kind,
							shape.Want)
					}
					verify.Run(t, d, verify.Check{Guarantee: contract.Linear, Payload: p})
				}
				linear(t, d, shape.Name, little, much)
			})
		}
	}
}

// linear fails unless much costs no more for each byte than little does, about.
// Memory comes first: work is measured without the garbage collector, which only
// a decoder that allocates in proportion survives.
func linear(t *testing.T, d decoder.Decoder, shape string, little, much []byte) {
	t.Helper()
	fail := func(format string, args ...any) {
		t.Helper()
		p := grammar.Payload{Bytes: much, Description: shape}
		verify.Fail(t, d, verify.Check{Guarantee: contract.Linear, Payload: p}, fmt.Sprintf(format, args...))
	}
	wider := float64(len(much)) / float64(len(little))
	if each := float64(allocated(d, little)) / float64(len(little)); each > maxMemory {
		fail("%.0f bytes of memory for each byte of the payload", each)
	}
	if memory := float64(allocated(d, much)) / float64(allocated(d, little)); memory > wider*memoryRatio {
		fail("%.0f times the bytes cost %.0f times the memory", wider, memory)
	}
	if work := float64(worked(d, much, 3)) / float64(worked(d, little, 9)); work > wider*workRatio {
		fail("%.0f times the bytes cost %.0f times the time on the processor", wider, work)
	}
}

// A payload of a few bytes costs little, whatever lengths it claims.
func TestSmallIsCheap(t *testing.T) {
	for _, d := range verify.Decoders() {
		for _, c := range load(t) {
			b := c.Payload.Bytes
			if n := allocated(d, b); n > minMemory+maxMemory*uint64(len(b)) {
				verify.Fail(t, d, verify.Check{Guarantee: contract.Linear, Payload: c.Payload},
					fmt.Sprintf("%d bytes of memory for a payload of %d", n, len(b)))
			}
		}
	}
}

// A payload of up to contract.MaxPayload is neither cut off nor refused; a larger one is
// not cut off.
func TestLarge(t *testing.T) {
	opts := grammar.OneOption()
	fd := opts.ProtoReflect().Descriptor().Fields().ByName("registry_root")
	opts.ProtoReflect().Set(fd, protoreflect.ValueOfString(strings.Repeat("x", 24<<20)))
	checks := []grammar.Payload{grammar.WithIdentity("web-1", "k8s.io", opts)}
	for _, family := range []grammar.Level{grammar.Legacy, grammar.Bootstrap} {
		_, last := grammar.RunHCS.AtEnd(family, 1<<10)
		for _, size := range []int{1 << 20, 11 << 20, 1 << 24, contract.MaxPayload, contract.MaxPayload + last} {
			b, _ := grammar.RunHCS.AtEnd(family, size)
			if len(b) != size {
				t.Fatalf("%d bytes, want %d", len(b), size)
			}
			checks = append(checks, grammar.Payload{Bytes: b, Want: reference.Want(b),
				Description: fmt.Sprintf("%s with options at the end of %d bytes", family, size)})
		}
	}
	for _, d := range verify.Decoders() {
		for _, p := range checks {
			verify.Run(t, d, verify.Check{Guarantee: contract.AsSent, Payload: p})
		}
	}
}

// allocated is how many bytes one decode allocates.
func allocated(d decoder.Decoder, b []byte) uint64 {
	var before, after runtime.MemStats
	decode(d, b) // what is allocated only once
	runtime.ReadMemStats(&before)
	decode(d, b)
	runtime.ReadMemStats(&after)
	return max(1, after.TotalAlloc-before.TotalAlloc)
}

// worked is the least work of so many decodes, without the garbage collector: what disturbs one
// only adds to it, and to a short one more.
func worked(d decoder.Decoder, b []byte, times int) int64 {
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	var costs []int64
	for range times {
		runtime.GC()
		before := decoder.Worked()
		decode(d, b)
		costs = append(costs, decoder.Worked()-before)
	}
	return max(1, slices.Min(costs))
}

func decode(d decoder.Decoder, b []byte) contract.Outcome {
	return d.Decode(bytes.NewReader(b), b)
}

// BenchmarkDecode reports, for each shape of payload, how many bytes are
// allocated for each byte on stdin.
func BenchmarkDecode(b *testing.B) {
	for _, d := range verify.Decoders() {
		for _, shape := range grammar.Shapes {
			b.Run(d.Name+"/"+shape.Name, func(b *testing.B) {
				input := shape.Make(1 << 20)
				b.SetBytes(int64(len(input)))
				for b.Loop() {
					decode(d, input)
				}
				b.ReportMetric(float64(allocated(d, input))/float64(len(input)), "allocated-B/B")
			})
		}
	}
}
