package fuzz

import (
	"crypto/sha256"
	"fmt"
	"math/rand/v2"

	"shimfuzz/corpus"
	"shimfuzz/internal/stdin"
	"shimfuzz/internal/targets"
)

// readings deliver the seeds of FuzzReaders in pieces, and fail in one of three.
var readings = [][]byte{{}, {2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2},
	[]byte("shimfuzz takes its choices from here")}

// seeders make of a payload what each target takes.
var seeders = map[string]func(b []byte) [][]byte{
	"FuzzReadOptions":   func(b []byte) [][]byte { return [][]byte{b} },
	"FuzzReaders":       func(b []byte) [][]byte { return [][]byte{b, readings[len(b)%len(readings)]} },
	"FuzzCreateOptions": func(b []byte) [][]byte { return [][]byte{b} },
	"FuzzBootstrap":     func(b []byte) [][]byte { return scripted(32, 1, stdin.OptionsBytes(b)) },
	"FuzzMalformed":     func(b []byte) [][]byte { return scripted(256, 1, stdin.OptionsBytes(b)) },
	"FuzzEquivalence":   func(b []byte) [][]byte { return scripted(192, 2, stdin.OptionsBytes(b)) },
	"FuzzLegacy": func(b []byte) [][]byte {
		url, value := stdin.AnyParts(b)
		return scripted(32, 1, []byte(url), value)
	},
}

// scripted adds scripts to the parts of an input: others to each, so that the seeds differ
// in their variations, and empty ones to every eighth. A script of size bytes is as long as
// most that the target takes choices from.
func scripted(size, scripts int, parts ...[]byte) [][]byte {
	random := rand.NewChaCha8(sha256.Sum256(targets.Join(parts)))
	some := random.Uint64()%8 > 0
	for range scripts {
		script := make([]byte, size)
		_, _ = random.Read(script)
		if !some {
			script = nil
		}
		parts = append(parts, script)
	}
	return parts
}

// Seed is a case of the corpus in the form that a target takes.
type Seed struct {
	Case  string
	Parts [][]byte
}

// Seeds returns the seeds of a target, and the inputs that are too large to be one: each
// different one once, under the name of the first case of the corpus that gives it.
func Seeds(target string) (seeds, large []Seed, err error) {
	seeder := seeders[target]
	if seeder == nil {
		return nil, nil, fmt.Errorf("target %s has no seeds", target)
	}
	cases, err := corpus.Load()
	if err != nil {
		return nil, nil, err
	}
	seen := make(map[string]bool)
	for _, c := range cases {
		parts := seeder(c.Payload.Bytes)
		key := string(targets.Join(parts))
		switch {
		case seen[key]:
		case len(key) > targets.MaxSeed:
			large = append(large, Seed{c.Name, parts})
		default:
			seeds = append(seeds, Seed{c.Name, parts})
		}
		seen[key] = true
	}
	return seeds, large, nil
}
