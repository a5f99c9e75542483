package fuzz

import (
	"os"
	"testing"

	"shimfuzz/corpus"
	"shimfuzz/internal/payload"
	"shimfuzz/internal/verify"
)

func TestMain(m *testing.M) { os.Exit(verify.Main(m.Run)) }

// seed adds every case of the corpus, in the form that the target takes.
func seed(f *testing.F, add func(b []byte)) {
	f.Helper()
	cases, err := corpus.Load()
	if err != nil {
		f.Fatal(err)
	}
	for _, c := range cases {
		add(c.Payload.Bytes)
	}
}

// scripts make the seeds of a target differ in the liberties they take, too.
var scripts = [][]byte{{}, {2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2}, []byte("shimfuzz takes its choices from here")}

func FuzzReadOptions(f *testing.F) {
	seed(f, func(b []byte) { f.Add(b) })
	f.Fuzz(func(t *testing.T, b []byte) { ReadOptions(t, b) })
}

func FuzzLegacy(f *testing.F) {
	seed(f, func(b []byte) {
		url, value := payload.AnyParts(b)
		f.Add(url, value, scripts[len(value)%len(scripts)])
	})
	f.Fuzz(func(t *testing.T, typeURL string, value, script []byte) { Legacy(t, typeURL, value, script) })
}

func FuzzBootstrap(f *testing.F) {
	seed(f, func(b []byte) { f.Add(payload.OptionsBytes(b), scripts[len(b)%len(scripts)]) })
	f.Fuzz(func(t *testing.T, opts, script []byte) { Bootstrap(t, opts, script) })
}

func FuzzEquivalence(f *testing.F) {
	seed(f, func(b []byte) {
		f.Add(payload.OptionsBytes(b), scripts[len(b)%len(scripts)], scripts[(len(b)+1)%len(scripts)])
	})
	f.Fuzz(func(t *testing.T, opts, one, two []byte) { Equivalence(t, opts, one, two) })
}

func FuzzMalformed(f *testing.F) {
	seed(f, func(b []byte) { f.Add(payload.OptionsBytes(b), scripts[len(b)%len(scripts)]) })
	f.Fuzz(func(t *testing.T, opts, script []byte) { Malformed(t, opts, script) })
}

func FuzzReaders(f *testing.F) {
	seed(f, func(b []byte) { f.Add(b, scripts[len(b)%len(scripts)]) })
	f.Fuzz(func(t *testing.T, b, script []byte) { Readers(t, b, script) })
}
