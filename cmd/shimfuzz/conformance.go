package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"shimfuzz/internal/hcsshim/extract"
	"shimfuzz/internal/interop/process"
	"shimfuzz/internal/interop/protocol"
	"shimfuzz/internal/interop/readers"
	"shimfuzz/internal/settings"
)

// ownProcess are the tests that need the decoder in the suite's own process, and why.
var ownProcess = []struct{ why, tests string }{
	{"how bytes are delivered, and readers that fail", "TestChunking|TestStandardReaders|TestReaderFails"},
	{"what is shared with the input and between goroutines", "TestNoAliasing|TestConcurrent"},
	{"memory and time", "TestLinear|TestSmallIsCheap"},
	{"the name of every type that is linked into it", "TestEveryRegisteredName"},
}

// notReaders are the tests that are not of a reader at all.
const notReaders = "TestFindings|TestFindingsOfReleases|TestAddExtension|TestFindExtension"

// takeReader hands READER on to the tests. Only two commands know what to do
// with one: elsewhere it would silently stand in for hcsshim.
func takeReader(command, root string) error {
	line := os.Getenv("READER")
	if line == "" {
		return nil
	}
	if command != "conformance" && command != "repro" {
		return fmt.Errorf("READER is for make conformance and make repro")
	}
	line = process.Absolute(line, root)
	for _, r := range readers.All("") {
		if r.Program(root) == line {
			os.Setenv(settings.ReaderID, r.Name+"\t"+r.Version)
		}
	}
	return os.Setenv(settings.Reader, line)
}

// conformance holds a reader in a process of its own to the contract.
func conformance(ctx context.Context, b *extract.Build) error {
	line := os.Getenv(settings.Reader)
	if line == "" {
		return errors.New("READER is not set: say which command reads payloads, such as READER='python3 reader.py' (internal/interop/protocol has the protocol)")
	}
	if err := tryReader(line, b.Root); err != nil {
		return err
	}
	if err := os.Setenv(settings.Decoder, "reader"); err != nil {
		return err
	}
	fmt.Printf("reader %s\n  compared in the fields that the Options of hcsshim %s have\n", line, b.Source.Name)
	if f := os.Getenv(settings.Findings); f != "" {
		fmt.Printf("  excused findings: %s\n", f)
	}
	skip := notReaders
	for _, o := range ownProcess {
		skip += "|" + o.tests
	}
	args := []string{"-test.skip=^(" + skip + ")$", "-rapid.seed=" + setting("SEED", defaultSeed), "-rapid.checks=" + setting("CHECKS", defaultChecks),
		"-rapid.nofailfile", "-rapid.shrinktime=3s", "-count=1"}
	run := newTestRun()
	if err := run.packages(ctx, b, "corpus and properties", []string{"./properties"}, nil, args); err != nil {
		return err
	}
	for _, o := range ownProcess {
		fmt.Printf("  NOT RUN, for it needs the decoder in the suite's process: %s (%s)\n", o.why, strings.ReplaceAll(o.tests, "|", ", "))
	}
	return run.finish()
}

// tryReader asks the reader once, so that a program that is none is told as
// such, in a line.
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
		return fmt.Errorf("reader %s: %s, asked for its answer to no bytes at all (is it a reader? internal/interop/protocol has the protocol)", line, strings.Join(strings.Fields(string(a.Detail)), " "))
	}
	return nil
}
