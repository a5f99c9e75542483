package properties

import (
	"flag"
	"fmt"
	"math/bits"
	"os"
	"runtime/debug"
	"sync/atomic"
	"testing"

	"pgregory.net/rapid"

	"shimfuzz/internal/decoder"
	"shimfuzz/internal/grammar"
	"shimfuzz/internal/verify"
)

// exhaustive enumerates longer payloads, which takes minutes.
var exhaustive = flag.Bool("exhaustive", false, "enumerate sequences of three tokens, and strings of three bytes")

// enumerated is how many payloads of everything small were decoded.
var enumerated atomic.Int64

func TestMain(m *testing.M) {
	flag.Parse()
	repeatable()
	debug.SetGCPercent(400) // the enumeration leaves much garbage: a fifth of its time is the collector's
	os.Exit(verify.Main(func() int {
		defer func() {
			if n := enumerated.Load(); n > 0 {
				fmt.Println(n, "payloads enumerated")
			}
		}()
		return m.Run()
	}))
}

// repeatable makes the properties check the same payloads in each run, unless the user
// has said otherwise: to explore is what fuzzing is for.
func repeatable() {
	given := make(map[string]bool)
	flag.Visit(func(f *flag.Flag) { given[f.Name] = true })
	for name, value := range map[string]string{
		"rapid.seed": "1", "rapid.checks": "300", "rapid.nofailfile": "true", "rapid.shrinktime": "3s",
	} {
		if given[name] {
			continue
		}
		if err := flag.Set(name, value); err != nil {
			panic(err) // rapid has no such flag any more
		}
	}
}

// draws makes a generator's choices with rapid, which shrinks them.
type draws struct{ t *rapid.T }

// Intn draws bit by bit: rapid's own ranges prefer small numbers so strongly that most of
// a long list is never drawn.
func (d draws) Intn(n int) int {
	v := 0
	for range bits.Len(uint(n - 1)) {
		v <<= 1
		if rapid.Bool().Draw(d.t, "choice") {
			v |= 1
		}
	}
	return v % n
}

func (d draws) Uint64() uint64 { return rapid.Uint64().Draw(d.t, "bits") }

// drawn makes a rapid generator of one of package grammar's.
func drawn[T any](generate func(grammar.Rand) T) *rapid.Generator[T] {
	return rapid.Custom(func(t *rapid.T) T { return generate(draws{t}) })
}

// onEach runs a property on every decoder.
func onEach(t *testing.T, property func(*rapid.T, decoder.Decoder)) {
	each(t, verify.Decoders(), property)
}

func each(t *testing.T, decoders []decoder.Decoder, property func(*rapid.T, decoder.Decoder)) {
	for _, d := range decoders {
		t.Run(d.Name, rapid.MakeCheck(func(rt *rapid.T) { property(rt, d) }))
	}
}
