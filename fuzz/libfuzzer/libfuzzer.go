// Package libfuzzer has the fuzz targets in the form that libFuzzer calls, one
// func([]byte) int each, which OSS-Fuzz's compile_go_fuzzer links into a binary.
//
// That form, and not a testing.F, because the input of FuzzReadOptions is then
// the payload byte for byte: what OSS-Fuzz finds is a shim's stdin as it is. It
// is the fastest, too. The other targets take several arguments; package targets
// says how one input holds them.
package libfuzzer

import (
	"fmt"

	"shimfuzz/fuzz"
	"shimfuzz/internal/targets"
	"shimfuzz/internal/verdict"
)

// FuzzReadOptions is fuzz.ReadOptions.
func FuzzReadOptions(data []byte) int { return run("FuzzReadOptions", data) }

// FuzzLegacy is fuzz.Legacy.
func FuzzLegacy(data []byte) int { return run("FuzzLegacy", data) }

// FuzzBootstrap is fuzz.Bootstrap.
func FuzzBootstrap(data []byte) int { return run("FuzzBootstrap", data) }

// FuzzEquivalence is fuzz.Equivalence.
func FuzzEquivalence(data []byte) int { return run("FuzzEquivalence", data) }

// FuzzMalformed is fuzz.Malformed.
func FuzzMalformed(data []byte) int { return run("FuzzMalformed", data) }

// FuzzReaders is fuzz.Readers.
func FuzzReaders(data []byte) int { return run("FuzzReaders", data) }

// FuzzCreateOptions is fuzz.CreateOptions.
func FuzzCreateOptions(data []byte) int { return run("FuzzCreateOptions", data) }

func run(target string, data []byte) int {
	named, err := targets.Named(target)
	if err != nil {
		panic(err)
	}
	fuzz.Run(t(target), target, named.Split(data))
	return 0
}

// t stands for a testing.T: a target's name, to which a failure is a panic.
// libFuzzer keeps the input of one.
type t string

func (t) Helper() {}

func (t) UnderTestAlone() {}

func (t t) Name() string { return string(t) }

func (t) Fatalf(format string, args ...any) { panic(fmt.Sprintf(format, args...)) }

// Wrong ends the process. Where the decoder panics it does so within that panic, so that
// its value and its stack are seen, too.
func (t) Wrong(r verdict.Report, again func()) {
	failing = r
	defer fail()
	if again != nil {
		again()
	}
}

// Replay is the line that replays what libFuzzer keeps.
func (t t) Replay() string {
	if string(t) == targets.Raw.Name {
		return "make repro CASE=<testcase>"
	}
	return "make repro TARGET=" + string(t) + " CASE=<testcase>"
}
