package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"shimfuzz/internal/exchange"
	"shimfuzz/internal/extract"
	"shimfuzz/internal/process"
)

// ownProcess are the tests that need the decoder in their own process, and why.
var ownProcess = []struct{ why, tests string }{
	{"how bytes are delivered, and readers that fail", "TestChunking|TestStandardReaders|TestReaderFails"},
	{"what is shared with the input and between goroutines", "TestNoAliasing|TestConcurrent"},
	{"memory and time", "TestLinear|TestSmallIsCheap|TestLarge"},
}

// notReaders are the tests that are not of a reader at all.
const notReaders = "TestFindings|TestFindingsOfReleases|TestAddExtension|TestFindExtension"

// conformance holds a reader in a process of its own to the contract.
func conformance(ctx context.Context, b *extract.Build) error {
	line := os.Getenv(exchange.Reader)
	if line == "" {
		return errors.New("READER is not set: say which command reads payloads, such as READER='python3 reader.py' (internal/testee has the protocol)")
	}
	line = process.Absolute(line, b.Root)
	if err := tryReader(line, b.Root); err != nil {
		return err
	}
	os.Setenv(exchange.Reader, line)
	os.Setenv(exchange.Decoder, "reader")
	fmt.Printf("reader %s\n", line)
	if f := os.Getenv(exchange.Findings); f != "" {
		fmt.Printf("  excused findings: %s\n", f)
	}
	skip := notReaders
	for _, o := range ownProcess {
		skip += "|" + o.tests
	}
	args := []string{"-test.skip=^(" + skip + ")$", "-rapid.seed=" + setting("SEED", usualSeed), "-rapid.checks=" + setting("CHECKS", usualChecks),
		"-rapid.nofailfile", "-rapid.shrinktime=3s", "-count=1"}
	run := newTestRun()
	if err := run.packages(ctx, b, "corpus and properties", []string{"./properties"}, nil, args); err != nil {
		return err
	}
	for _, o := range ownProcess {
		fmt.Printf("  NOT RUN, for it needs the decoder in our process: %s (%s)\n", o.why, strings.ReplaceAll(o.tests, "|", ", "))
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
	switch {
	case err != nil:
		return err
	case a.Outcome == process.Hang:
		return fmt.Errorf("reader %s: %s (is it one? internal/testee has the protocol)", line, a.Detail)
	}
	return nil
}
