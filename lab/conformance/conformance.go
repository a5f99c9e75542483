// Package conformance holds a reader in a process of its own to the contract, and tells
// the author of the reader, in any language, what it answers instead of what, and why.
package conformance

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"shimfuzz/internal/contract"
	"shimfuzz/internal/findings"
	"shimfuzz/internal/grammar"
	"shimfuzz/internal/settings"
	"shimfuzz/internal/verdict"
	"shimfuzz/lab/conformance/process"
	"shimfuzz/lab/conformance/protocol"
)

// Run holds a reader to the contract, writes the reports into dir, and a summary to w.
// It reports whether all is as it must be. The error is one line.
func Run(ctx context.Context, w io.Writer, dir string, s *Settings) (passes bool, err error) {
	subject, reader, err := start(s)
	if err != nil {
		return false, err
	}
	defer reader.Close()
	return subject.run(ctx, w, dir, s, reader)
}

// run is Run of a reader that has been started.
func (s *subject) run(ctx context.Context, w io.Writer, dir string, c *Settings,
	reader *process.Reader) (passes bool, err error) {
	checks, err := s.checks(&config{Settings: c, subject: s})
	if err != nil {
		return false, err
	}
	list, err := readExpected(c.Expected, c.Update)
	if err != nil {
		return false, err
	}
	r := newRun(s, reader, c, list)
	report := newReport(r, c, dir)
	if _, err := io.WriteString(w, report.header()); err != nil {
		return false, err
	}
	err = r.all(ctx, checks)
	if err == nil {
		err = r.shrinkAll(ctx)
	}
	report.Interrupted = errors.Is(err, context.Canceled)
	if err != nil && !report.Interrupted {
		return false, err
	}
	if err := report.finish(); err != nil {
		return false, err
	}
	_, err = io.WriteString(w, report.text(false))
	return report.Green, err
}

// start starts and greets the reader.
func start(s *Settings) (*subject, *process.Reader, error) {
	root, err := settings.Root()
	if err != nil {
		return nil, nil, err
	}
	subject, err := subjectOf(s)
	if err != nil {
		return nil, nil, err
	}
	reader, err := process.New(s.Reader, root)
	if err != nil {
		return nil, nil, fmt.Errorf("READER: %w", err)
	}
	if err := greet(reader); err != nil {
		reader.Close()
		return nil, nil, err
	}
	return subject, reader, nil
}

// greet asks for the answer to no bytes at all. The error is one line for a program that
// is not a reader.
func greet(reader *process.Reader) error {
	a, err := reader.Ask(nil)
	if err != nil {
		return err
	}
	switch a.Outcome {
	case process.Hang, protocol.Panic, protocol.Unable:
		return fmt.Errorf("reader %s: %s, asked for its answer to no bytes at all (is it a reader? "+
			"docs/conformance.md has the protocol)",
			strings.Join(reader.Command, " "), strings.Join(strings.Fields(string(a.Detail)), " "))
	}
	return nil
}

// Repro reports what a payload is, what a correct reader answers to it, and what the
// reader does. It reports whether the answer is right or excused.
func Repro(ctx context.Context, w io.Writer, file string, s *Settings) (passes bool, err error) {
	payload, err := os.ReadFile(file)
	if err != nil {
		return false, err
	}
	subject, reader, err := start(s)
	if err != nil {
		return false, err
	}
	defer reader.Close()
	var f *failure
	err = newRun(subject, reader, s, new(expected)).ask(ctx, [][]byte{payload},
		func(_ int, got contract.Outcome) { f = subject.judge(payload, got) })
	if err != nil {
		return false, err
	}
	r := f.report(s)
	r.Verdict = f.verdict.Kind
	if f.verdict.Kind == verdict.Right {
		r.Difference = ""
	}
	r.Payload.Description = "decided by " + rule(payload, f.want.Kind)
	_, err = io.WriteString(w, r.String())
	return !f.verdict.Fails(), err
}

// report is what is told of a failure.
func (f *failure) report(s *Settings) verdict.Report {
	r := f.verdict.Report(grammar.Payload{Bytes: f.payload, Want: f.want}, f.got, contract.Guarantee{}, findings.None)
	r.Verdict, r.Guarantee, r.Program, r.Difference = "", contract.Guarantee{}, s.Reader, f.answer()
	if f.file != "" {
		r.Replay = s.reproCommand(f.file)
	}
	return r
}

// Settings are those of a run that holds a reader to the contract, as settings.Test.Lab.
type Settings struct {
	Reader        string // the command
	Name, Version string // of a reader of package readers, "" for any other
	Engine        string // of an example reader, whose known defects are excused; "" for any other
	Options       string // the type that it reads as the user names it; "" is the program's
	Type          string // the same as optionstype.Find takes it; "" is hcsshim's
	Marked        bool   // it answers with a mark in the place of options
	HCSShim       string // whose Options are linked, for people
	Level         string // of tests
	Expected      string // file with the failures that are expected, "" for none
	Update        bool   // write that file
	Seed          int    // of the generated payloads
	Checks        int    // how many of those for each property
	Payloads      int    // how many are made by mutation
	Longest       int    // how many tokens in a row are enumerated

	test settings.Test
}

// SettingsOf reads what a process is told.
func SettingsOf(t settings.Test) (*Settings, error) {
	s := &Settings{test: t}
	if err := json.Unmarshal([]byte(t.Lab), s); err != nil {
		return nil, fmt.Errorf("make -C lab conformance runs this: %w", err)
	}
	return s, nil
}

// reproCommand is the line that puts a case to the reader with the same settings.
func (s *Settings) reproCommand(file string) string {
	line := "make -C lab repro " + s.test.CaseArguments(file) + " READER=" + settings.Quote(s.Reader)
	if s.Options != "" {
		line += " OPTIONS=" + settings.Quote(s.Options)
	}
	return line
}
