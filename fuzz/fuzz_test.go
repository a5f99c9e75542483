package fuzz

import (
	"bytes"
	"math"
	"os"
	"slices"
	"testing"

	"shimfuzz/internal/verify"
)

func TestMain(m *testing.M) { os.Exit(verify.Main(m.Run)) }

// seeded returns the target that f is named for, and adds its seeds: with -fuzz those that
// fuzzing starts from.
func seeded(f *testing.F) Target {
	f.Helper()
	target, err := Named(f.Name())
	if err != nil {
		f.Fatal(err)
	}
	for _, s := range toRun(f, target, MaxSeed) {
		var args []any
		for _, part := range s.Parts {
			args = append(args, part)
		}
		f.Add(args...)
	}
	return target
}

func FuzzReadOptions(f *testing.F) {
	target := seeded(f)
	f.Fuzz(func(t *testing.T, payload []byte) { target.Run(t, payload) })
}

func FuzzLegacy(f *testing.F) {
	target := seeded(f)
	f.Fuzz(func(t *testing.T, typeURL, value, choices []byte) { target.Run(t, typeURL, value, choices) })
}

func FuzzBootstrap(f *testing.F) {
	target := seeded(f)
	f.Fuzz(func(t *testing.T, opts, choices []byte) { target.Run(t, opts, choices) })
}

func FuzzEquivalence(f *testing.F) {
	target := seeded(f)
	f.Fuzz(func(t *testing.T, opts, choices, other []byte) { target.Run(t, opts, choices, other) })
}

func FuzzMalformed(f *testing.F) {
	target := seeded(f)
	f.Fuzz(func(t *testing.T, opts, choices []byte) { target.Run(t, opts, choices) })
}

func FuzzReaders(f *testing.F) {
	target := seeded(f)
	f.Fuzz(func(t *testing.T, payload, script []byte) { target.Run(t, payload, script) })
}

func FuzzCreateOptions(f *testing.F) {
	target := seeded(f)
	f.Fuzz(func(t *testing.T, payload []byte) { target.Run(t, payload) })
}

// A seed survives the way through an input of libFuzzer's, and what it gives to its target
// is decoded; so does what is too large to be one.
func TestSeedsAsInputs(t *testing.T) {
	for _, target := range Targets {
		for _, s := range toRun(t, target, math.MaxInt) {
			if parts := target.Split(Join(s.Parts)); !slices.EqualFunc(parts, s.Parts, bytes.Equal) {
				t.Errorf("%s: the seed %s has the parts %x, and %x as an input", target.Name, s.Case, s.Parts, parts)
			}
			before := verify.Decoded()
			if target.Run(t, s.Parts...); verify.Decoded() == before {
				t.Errorf("%s: nothing is decoded of the seed %s", target.Name, s.Case)
			}
		}
	}
}
