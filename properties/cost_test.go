package properties

import (
	"bytes"
	"math"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/reflect/protoreflect"

	"shimfuzz/internal/contract"
	"shimfuzz/internal/decoder"
	"shimfuzz/internal/payload"
	"shimfuzz/internal/reference"
	"shimfuzz/internal/stdin"
	"shimfuzz/internal/verify"
)

// Sixteen times the bytes cost no more than forty times the memory, and no more
// than a hundred times the time in the best of several tries: far from the 256
// times of anything quadratic, with room for buffers that grow in steps, and for
// caches and machines that others use, too.
//
// One byte on stdin costs up to maxMemory bytes of memory, and a payload of a
// few bytes up to minMemory: measured 169 (a value of a foreign type; 53
// otherwise) and 1,496 with hcsshim v0.15.0 (make bench), so an allocation that
// does not depend on the payload shows.
const (
	growth      = 16
	memoryRatio = 2.5
	timeRatio   = 6.25
	maxMemory   = 250
	minMemory   = 32 << 10
)

func TestLinear(t *testing.T) {
	const small = 1 << 16
	for _, d := range verify.Decoders() {
		for _, shape := range payload.Shapes {
			t.Run(d.Name+"/"+shape.Name, func(t *testing.T) {
				little, much := shape.Make(small), shape.Make(small*growth)
				wider := float64(len(much)) / float64(len(little))
				for _, b := range [][]byte{little, much} {
					p := payload.Payload{Bytes: b, Want: reference.Answer(b), Story: shape.Name}
					if p.Want.Kind != shape.Want {
						t.Fatalf("%s of %d bytes: the reference answers %v, want %s", shape.Name, len(b), p.Want.Kind, shape.Want)
					}
					verify.Run(t, d, verify.Check{Guarantee: contract.Linear, Payload: p})
				}
				if each := float64(allocated(d, little)) / float64(len(little)); each > maxMemory {
					t.Errorf("%v\n%s, %s: %.0f bytes of memory for each byte of the payload", contract.Linear, verify.DecoderName(d), shape.Name, each)
				}
				memory := float64(allocated(d, much)) / float64(allocated(d, little))
				if memory > wider*memoryRatio {
					t.Errorf("%v\n%s, %s: %.0f times the bytes cost %.0f times the memory", contract.Linear, verify.DecoderName(d), shape.Name, wider, memory)
				}
				duration := math.Inf(1)
				for try := 0; try < 4 && duration > wider*timeRatio; try++ {
					duration = min(duration, float64(elapsed(d, much))/float64(elapsed(d, little)))
				}
				if duration > wider*timeRatio {
					t.Errorf("%v\n%s, %s: %.0f times the bytes cost %.0f times the time", contract.Linear, verify.DecoderName(d), shape.Name, wider, duration)
				}
			})
		}
	}
}

// A payload of a few bytes costs little, whatever lengths it claims.
func TestSmallIsCheap(t *testing.T) {
	for _, d := range verify.Decoders() {
		for _, c := range load(t) {
			b := c.Payload.Bytes
			if n := allocated(d, b); n > minMemory+maxMemory*uint64(len(b)) {
				t.Errorf("%v\n%s: %d bytes of memory for a payload of %d\nreplay: make repro CASE=corpus/%s", contract.Linear, verify.DecoderName(d), n, len(b), c.File)
			}
		}
	}
}

// A payload has no size beyond which it is cut off or refused.
func TestLarge(t *testing.T) {
	opts := payload.OneOption()
	fd := opts.ProtoReflect().Descriptor().Fields().ByName("registry_root")
	opts.ProtoReflect().Set(fd, protoreflect.ValueOfString(strings.Repeat("x", 24<<20)))
	for _, d := range verify.Decoders() {
		verify.Run(t, d, verify.Check{Guarantee: contract.AsSent, Payload: payload.WithIdentity("web-1", "k8s.io", opts)})
		verify.Run(t, d, verify.Check{Guarantee: contract.AsSent, Payload: payload.Payload{
			Bytes: payload.PlainAny(contract.OptionsName, stdin.OptionsBytes(payload.WithIdentity("a", "b", opts).Bytes)),
			Want:  payload.Sent(opts), Story: "legacy Any of 24 MiB"}})
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

// elapsed is the shortest of some decodes: what disturbs one only adds to it.
func elapsed(d decoder.Decoder, b []byte) time.Duration {
	var times []time.Duration
	for range 5 {
		start := time.Now()
		decode(d, b)
		times = append(times, time.Since(start))
	}
	return max(1, slices.Min(times))
}

func decode(d decoder.Decoder, b []byte) contract.Outcome { return d.Decode(bytes.NewReader(b), b) }

// BenchmarkDecode reports, for each shape of payload, how many bytes are
// allocated for each byte on stdin.
func BenchmarkDecode(b *testing.B) {
	for _, d := range verify.Decoders() {
		for _, shape := range payload.Shapes {
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
