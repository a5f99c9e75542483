package libfuzzer

import (
	"strings"

	"shimfuzz/internal/contract"
	"shimfuzz/internal/verdict"
)

// ClusterFuzz takes two crashes for the same by the first line of the panic and the
// top frames of its stack. So what a failure ends
// with is a stack of its guarantee's, the same from every target. Its functions take
// no arguments, because ClusterFuzz skips a frame with one that Go marks as unsure, and
// are not inlined, so that they are the same in every build.

// failing is the report of the failure that ends the process.
var failing verdict.Report

// ends has a function for each guarantee that a group of failures can begin with.
var ends = map[string]func(){
	contract.NeverPanics.Name:     failNeverPanics,
	contract.AsSent.Name:          failAsSent,
	contract.MalformedFails.Name:  failMalformedFails,
	contract.ForeignFails.Name:    failForeignFails,
	contract.NonInterference.Name: failNonInterference,
	contract.ReaderFaults.Name:    failReaderFaults,
}

//go:noinline
func fail() {
	guarantee, _, _ := strings.Cut(failing.Group, ":")
	ends[guarantee]()
}

//go:noinline
func failNeverPanics() { panic(text()) }

//go:noinline
func failAsSent() { panic(text()) }

//go:noinline
func failMalformedFails() { panic(text()) }

//go:noinline
func failForeignFails() { panic(text()) }

//go:noinline
func failNonInterference() { panic(text()) }

//go:noinline
func failReaderFaults() { panic(text()) }

// text has the group in its first line. With "FuzzerHash=" in it that line decides
// alone, exactly: without, findings of one guarantee would be too similar.
func text() string { return "FuzzerHash=" + failing.Group + failing.String() }
