package fuzz

import (
	"crypto/sha256"
	"math/rand/v2"
	"sync"

	"shimfuzz/corpus"
)

// readings deliver the seeds of FuzzReaders in pieces, and fail in one of three.
var readings = [][]byte{{}, {2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2},
	[]byte("shimfuzz takes its choices from here")}

// MaxSeed is the size in bytes of the largest input that a fuzzer starts from. An engine
// makes inputs as long as the longest seed from the start, and the one in fifty of the
// corpus that is larger would be most of what it reads.
const MaxSeed = 1024

// withChoices adds sequences of choices to the parts of an input: others to each, so that the
// seeds differ in their variations, and empty ones to every eighth. A sequence of size bytes
// is as long as most that the target uses.
func withChoices(size, sequences int, parts ...[]byte) [][]byte {
	random := rand.NewChaCha8(sha256.Sum256(Join(parts)))
	some := random.Uint64()%8 > 0
	for range sequences {
		choices := make([]byte, size)
		_, _ = random.Read(choices)
		if !some {
			choices = nil
		}
		parts = append(parts, choices)
	}
	return parts
}

// Seed is a case of the corpus in the form that a target takes.
type Seed struct {
	Case  string
	Parts [][]byte
}

// cases are read once, for that takes longer than to make seeds of them.
var cases = sync.OnceValues(corpus.Load)

// Seeds returns the seeds of the target of up to largest bytes: each different one once, under
// the name of the first case of the corpus that gives it.
func (t Target) Seeds(largest int) (seeds []Seed, err error) {
	cases, err := cases()
	if err != nil {
		return nil, err
	}
	seen := make(map[string]bool)
	for _, c := range cases {
		parts := t.seed(c.Payload.Bytes)
		if key := string(Join(parts)); !seen[key] && len(key) <= largest {
			seen[key] = true
			seeds = append(seeds, Seed{c.Name, parts})
		}
	}
	return seeds, nil
}
