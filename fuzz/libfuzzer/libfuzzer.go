// Package libfuzzer has the fuzz targets in the form that libFuzzer calls, one
// func([]byte) int each, which OSS-Fuzz's compile_go_fuzzer links into a binary.
//
// That form, and not a testing.F, because the input of FuzzReadOptions is then
// the payload byte for byte: what OSS-Fuzz finds is a shim's stdin as it is. It
// is the fastest, too. The other targets take several arguments; fuzz.Target.Split
// says how one input holds them.
package libfuzzer

import (
	"fmt"

	"shimfuzz/fuzz"
	"shimfuzz/internal/verdict"
)

// The targets, under their names.
var (
	FuzzReadOptions   = of("FuzzReadOptions")
	FuzzLegacy        = of("FuzzLegacy")
	FuzzBootstrap     = of("FuzzBootstrap")
	FuzzEquivalence   = of("FuzzEquivalence")
	FuzzMalformed     = of("FuzzMalformed")
	FuzzReaders       = of("FuzzReaders")
	FuzzCreateOptions = of("FuzzCreateOptions")
)

// of is the target of that name.
func of(name string) func(data []byte) int {
	target, err := fuzz.Named(name)
	if err != nil {
		panic(err)
	}
	return func(data []byte) int {
		target.Run(t(name), target.Split(data)...)
		return 0
	}
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
	if r.Panic != "" {
		again()
	}
}

// failing is the report of the failure that ends the process.
var failing verdict.Report

// ClusterFuzz takes two crashes for the same by the first line of the panic, which it
// compares exactly if "FuzzerHash=" is in it, and by the top two frames of its stack. So the
// line has the group, and the frames are these two from every target: they take no arguments,
// because it skips a frame with one that Go marks as unsure, and are not inlined, so that
// they are the same in every build.

//go:noinline
func fail() { end() }

//go:noinline
func end() { panic("FuzzerHash=" + failing.Group + failing.String()) }

// Replay is the line that replays what libFuzzer keeps.
func (t t) Replay() string {
	if string(t) == fuzz.Raw {
		return "make repro CASE=<testcase>"
	}
	return "make repro TARGET=" + string(t) + " CASE=<testcase>"
}
