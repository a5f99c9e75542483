package fuzz

import (
	"fmt"

	"shimfuzz/corpus"
	"shimfuzz/internal/stdin"
	"shimfuzz/internal/targets"
)

// scripts make the seeds of a target differ in their variations, too.
var scripts = [][]byte{{}, {2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2}, []byte("shimfuzz takes its choices from here")}

// seeders make of a payload what each target takes.
var seeders = map[string]func(b []byte) [][]byte{
	"FuzzReadOptions":   func(b []byte) [][]byte { return [][]byte{b} },
	"FuzzReaders":       func(b []byte) [][]byte { return [][]byte{b, scriptFor(b)} },
	"FuzzCreateOptions": func(b []byte) [][]byte { return [][]byte{b} },
	"FuzzBootstrap":     optionsAndScript,
	"FuzzMalformed":     optionsAndScript,
	"FuzzEquivalence": func(b []byte) [][]byte {
		return [][]byte{stdin.OptionsBytes(b), scriptFor(b), scripts[(len(b)+1)%len(scripts)]}
	},
	"FuzzLegacy": func(b []byte) [][]byte {
		url, value := stdin.AnyParts(b)
		return [][]byte{[]byte(url), value, scriptFor(value)}
	},
}

func optionsAndScript(b []byte) [][]byte {
	return [][]byte{stdin.OptionsBytes(b), scriptFor(b)}
}

func scriptFor(b []byte) []byte { return scripts[len(b)%len(scripts)] }

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
