package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"shimfuzz/internal/gocmd"
	"shimfuzz/internal/interop/process"
	"shimfuzz/internal/interop/protocol"
	"shimfuzz/internal/interop/readers"
	"shimfuzz/internal/testrun"
)

// ownProcess are the tests that need the decoder in the suite's own process, and why.
var ownProcess = []struct{ why, tests string }{
	{"how bytes are delivered, and readers that fail", "TestChunking|TestStandardReaders|TestReaderFails|TestWalkReads"},
	{"what is shared with the input and between goroutines", "TestNoAliasing|TestConcurrent"},
	{"memory and time", "TestLinear|TestSmallIsCheap"},
	{"the name of every type that is linked into it", "TestEveryRegisteredName"},
}

// notReaders are the tests that are not of a reader at all.
const notReaders = "TestEveryFieldIsDrawn|TestFindings|TestFindingsOfReleases|TestAddExtension|TestFindExtension"

// takeReader puts READER in hcsshim's place, if there is one.
func (j *job) takeReader() error {
	if j.reader == "" {
		return nil
	}
	j.test.Reader = process.Absolute(string(j.reader), j.root)
	for _, r := range readers.All("") {
		if r.Program(j.root) == j.test.Reader {
			j.test.ReaderName, j.test.ReaderVersion = r.Name, r.Version
		}
	}
	return tryReader(j.test.Reader, j.root)
}

// conformance holds a reader in a process of its own to the contract.
func conformance(ctx context.Context, j *job) error {
	if j.reader == "" {
		return errors.New("READER is not set: say which command reads payloads, such as READER='python3 reader.py' (docs/conformance.md has the protocol)")
	}
	if err := j.takeReader(); err != nil {
		return err
	}
	fmt.Printf("reader %s\n  compared in the fields that the Options of hcsshim %s have\n", j.test.Reader, j.b.Source.Name)
	if j.findings != "" {
		fmt.Printf("  excused findings: %s\n", j.findings)
	}
	skip := notReaders
	for _, o := range ownProcess {
		skip += "|" + o.tests
	}
	j.test.Decoder = "reader"
	run := testrun.New()
	args := append([]string{"./properties", "-count=1", "-test.skip=^(" + skip + ")$"}, j.rapid()...)
	if err := run.Packages(ctx, j.b, j.test, "corpus and properties", args...); err != nil {
		return err
	}
	for _, o := range ownProcess {
		fmt.Printf("  NOT RUN, for it needs the decoder in the suite's process: %s (%s)\n", o.why, strings.ReplaceAll(o.tests, "|", ", "))
	}
	return run.Finish()
}

// tryReader asks the reader once, so that a program that is not a reader is
// refused in one line.
func tryReader(line, dir string) error {
	r, err := process.New(line, dir)
	if err != nil {
		return err
	}
	defer r.Close()
	a, err := r.Ask(nil)
	if err != nil {
		return err
	}
	switch a.Outcome {
	case process.Hang, protocol.Panic, protocol.Unable:
		return fmt.Errorf("reader %s: %s, asked for its answer to no bytes at all (is it a reader? docs/conformance.md has the protocol)", line, gocmd.OneLine(string(a.Detail)))
	}
	return nil
}
