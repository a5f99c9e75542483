package fuzz

import (
	"bytes"
	"os"
	"testing"

	"shimfuzz/internal/targets"
	"shimfuzz/internal/verify"
)

func TestMain(m *testing.M) { os.Exit(verify.Main(m.Run)) }

// seed adds the seeds of the target that f is named for.
func seed(f *testing.F) {
	f.Helper()
	seeds, _, err := Seeds(f.Name())
	if err != nil {
		f.Fatal(err)
	}
	for _, s := range seeds {
		var args []any
		for _, part := range s.Parts {
			args = append(args, part)
		}
		f.Add(args...)
	}
}

func FuzzReadOptions(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, b []byte) { ReadOptions(t, b) })
}

func FuzzLegacy(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, typeURL, value, script []byte) { Legacy(t, typeURL, value, script) })
}

func FuzzBootstrap(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, opts, script []byte) { Bootstrap(t, opts, script) })
}

func FuzzEquivalence(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, opts, one, two []byte) { Equivalence(t, opts, one, two) })
}

func FuzzMalformed(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, opts, script []byte) { Malformed(t, opts, script) })
}

func FuzzReaders(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, b, script []byte) { Readers(t, b, script) })
}

func FuzzCreateOptions(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, b []byte) { CreateOptions(t, b) })
}

// The inputs that are too large to be seeds are run, too.
func TestLarge(t *testing.T) {
	for _, target := range targets.Names() {
		_, large, err := Seeds(target)
		if err != nil || len(large) == 0 {
			t.Fatalf("%s: %d large inputs, %v", target, len(large), err)
		}
		for _, s := range large {
			t.Run(target+"/"+s.Case, func(t *testing.T) { Run(t, target, s.Parts) })
		}
	}
}

// A seed survives the way through an input of libFuzzer's.
func TestSeedsAsInputs(t *testing.T) {
	for _, target := range targets.All {
		seeds, _, err := Seeds(target.Name)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range seeds {
			parts := target.Split(targets.Join(s.Parts))
			if len(parts) != len(s.Parts) {
				t.Fatalf("%s: the seed %s has %d parts, want %d", target.Name, s.Case, len(s.Parts), len(parts))
			}
			for i, part := range parts {
				if !bytes.Equal(part, s.Parts[i]) {
					t.Errorf("%s: the seed %s has the %s %x, and %x as an input", target.Name, s.Case, target.Parts[i],
						s.Parts[i], part)
				}
			}
		}
	}
}
