package fuzz

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"shimfuzz/internal/targets"
	"shimfuzz/internal/verify"
)

func TestMain(m *testing.M) { os.Exit(verify.Main(m.Run)) }

// seed adds the seeds of the target that f is named for.
func seed(f *testing.F) {
	f.Helper()
	seeds, err := Seeds(f.Name())
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

// A seed survives the way through an input of libFuzzer's, and is not cut off
// there: max_len is how long an input may be.
func TestSeedsAsInputs(t *testing.T) {
	const maxLen = 65536
	options, err := os.ReadFile("../oss-fuzz/readoptions.options")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(options), "\nmax_len = 65536\n") {
		t.Errorf("readoptions.options does not set max_len to %d:\n%s", maxLen, options)
	}
	for _, target := range targets.All {
		seeds, err := Seeds(target.Name)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range seeds {
			input := targets.Join(s.Parts)
			if len(input) > maxLen {
				t.Errorf("%s: the seed %s has %d bytes", target.Name, s.Case, len(input))
			}
			parts := target.Split(input)
			if len(parts) != len(s.Parts) {
				t.Fatalf("%s: the seed %s has %d parts, want %d", target.Name, s.Case, len(s.Parts), len(parts))
			}
			for i, part := range parts {
				if !bytes.Equal(part, s.Parts[i]) {
					t.Errorf("%s: the seed %s has the %s %x, and %x as an input", target.Name, s.Case, target.Parts[i], s.Parts[i], part)
				}
			}
		}
	}
}
