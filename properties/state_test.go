package properties

import (
	"bytes"
	"io"
	"slices"
	"sync"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"pgregory.net/rapid"

	"shimfuzz/internal/contract"
	"shimfuzz/internal/decoder"
	"shimfuzz/internal/grammar"
	"shimfuzz/internal/verdict"
	"shimfuzz/internal/verify"
)

var anyValid = drawn(func(src grammar.Rand) grammar.Payload { return grammar.RunHCS.Valid(src, grammar.AllVariations) })

// The input is only read, and scribbling over it afterwards changes nothing in
// the result: also when the reader would hand out its own buffer.
func TestNoAliasing(t *testing.T) {
	open := map[string]func([]byte) io.Reader{
		"bytes.Reader": func(b []byte) io.Reader { return bytes.NewReader(b) },
		"bytes.Buffer": func(b []byte) io.Reader { return bytes.NewBuffer(b) },
		"keeper":       func(b []byte) io.Reader { return &keeper{rest: b} },
	}
	for name, open := range open {
		t.Run(name, func(t *testing.T) {
			onEach(t, func(rt *rapid.T, d decoder.Decoder) {
				p := anyValid.Draw(rt, "payload")
				input := slices.Clone(p.Bytes)
				r := open(input)
				check := verify.Check{Guarantee: contract.NoSharing, Payload: p, Reader: r}
				got, kind := verify.Run(rt, d, check)
				if !bytes.Equal(input, p.Bytes) {
					verify.Fail(rt, d, check, "the input was written to")
				}
				scribble(input)
				if k, ok := r.(*keeper); ok {
					k.scribble()
				}
				if kind != verdict.Right {
					return
				}
				if diff := contract.Diff(verify.For(d, p).Want, got); diff != "" {
					verify.Fail(rt, d, check, "the result changed with the input: "+diff)
				}
			})
		})
	}
}

// keeper keeps the buffers that it was given to read into.
type keeper struct {
	rest  []byte
	given [][]byte
}

func (k *keeper) Read(p []byte) (int, error) {
	if len(k.rest) == 0 {
		return 0, io.EOF
	}
	n := copy(p, k.rest)
	k.rest = k.rest[n:]
	k.given = append(k.given, p[:n])
	return n, nil
}

func (k *keeper) scribble() {
	for _, b := range k.given {
		scribble(b)
	}
}

func scribble(b []byte) {
	for i := range b {
		b[i] = 0xa5
	}
}

// The same bytes give the same answer again, whatever the caller has done to
// the first result, and whatever was decoded in between.
func TestNoSharedState(t *testing.T) {
	onEach(t, func(rt *rapid.T, d decoder.Decoder) {
		p, other := anyValid.Draw(rt, "payload"), anyValid.Draw(rt, "other")
		check := verify.Check{Guarantee: contract.NoSharing, Payload: p}
		got, _ := verify.Run(rt, d, check)
		if got.Kind == contract.Options {
			spoil(got.Options)
		}
		verify.Run(rt, d, verify.Check{Guarantee: contract.NoSharing, Payload: other})
		verify.Run(rt, d, check)
	})
}

// spoil overwrites every field of a result, map entries in place.
func spoil(m proto.Message) {
	r := m.ProtoReflect()
	r.Range(func(fd protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		if fd.IsMap() {
			v.Map().Set(protoreflect.ValueOfString("spoilt").MapKey(), protoreflect.ValueOfString("spoilt"))
			return true
		}
		r.Clear(fd)
		return true
	})
	r.SetUnknown(nil)
}

// Many goroutines decode different payloads at once and each gets its own
// answer. Under the race detector this also finds unsynchronised state.
func TestConcurrent(t *testing.T) {
	const goroutines = 8
	cases := load(t)
	for _, d := range verify.Decoders() {
		t.Run(d.Name, func(t *testing.T) {
			var wg sync.WaitGroup
			for g := range goroutines {
				wg.Go(func() {
					// Fatalf ends this goroutine alone, and marks the test as failed.
					for i := range cases {
						c := cases[(i*7+g*53)%len(cases)]
						verify.Run(t, d, verify.Check{Guarantee: contract.NoSharing, Payload: c.Payload})
					}
				})
			}
			wg.Wait()
		})
	}
}
