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
	"path/filepath"
	"strings"

	"shimfuzz/internal/contract"
	"shimfuzz/internal/settings"
	"shimfuzz/internal/verdict"
	"shimfuzz/lab/conformance/process"
	"shimfuzz/lab/conformance/protocol"
)

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

// Run holds a reader to the contract, writes the reports into build/conformance, and a
// summary to w. It reports whether all is as it must be. The error is one line.
func Run(ctx context.Context, w io.Writer, s *Settings) (passes bool, err error) {
	root, err := settings.Root()
	if err != nil {
		return false, err
	}
	dir := filepath.Join(root, "build", "conformance", s.Engine)
	// The reports of an earlier run would be taken for this one's, if it ends early.
	if err := errors.Join(os.RemoveAll(dir), os.MkdirAll(dir, 0o777)); err != nil {
		return false, err
	}
	r, err := start(s)
	if err != nil {
		return false, err
	}
	defer r.reader.Close()
	return r.conform(ctx, w, dir, r.allChecks())
}

// conform is Run of a reader that has been started.
func (r *run) conform(ctx context.Context, w io.Writer, dir string, checks []check) (passes bool, err error) {
	if r.list, err = readExpected(r.Expected, r.Update); err != nil {
		return false, err
	}
	report := newReport(r, dir)
	if _, err := io.WriteString(w, report.header()); err != nil {
		return false, err
	}
	if err = r.all(ctx, checks); err == nil {
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

// start starts the reader and asks for its answer to no bytes at all. The error is one line
// for a program that is not a reader.
func start(s *Settings) (*run, error) {
	root, err := settings.Root()
	if err != nil {
		return nil, err
	}
	r, err := newRun(s)
	if err != nil {
		return nil, err
	}
	r.reader = &process.Reader{Command: strings.Fields(s.Reader), Dir: root, Limit: process.Limit}
	a, err := r.reader.Ask(nil)
	if err == nil && (a.Outcome == process.Hang || a.Outcome == protocol.Panic || a.Outcome == protocol.Unable) {
		err = fmt.Errorf("reader %s: %s, asked for its answer to no bytes at all (is it a reader? "+
			"docs/conformance.md has the protocol)",
			strings.Join(r.reader.Command, " "), strings.Join(strings.Fields(string(a.Detail)), " "))
	}
	if err != nil {
		r.reader.Close()
	}
	return r, err
}

// Repro reports what a payload is, what a correct reader answers to it, and what the
// reader does. It reports whether the answer is right or excused.
func Repro(ctx context.Context, w io.Writer, file string, s *Settings) (passes bool, err error) {
	payload, err := os.ReadFile(file)
	if err != nil {
		return false, err
	}
	r, err := start(s)
	if err != nil {
		return false, err
	}
	defer r.reader.Close()
	var f *failure
	err = r.ask(ctx, []question{{payload: payload}}, func(q question, got contract.Outcome) { f = r.judge(q, got) })
	if err != nil {
		return false, err
	}
	report := f.report(s)
	report.Verdict = f.verdict.Kind
	if f.verdict.Kind == verdict.Right {
		report.Difference = ""
	}
	report.Payload.Description = "decided by " + rule(payload, f.want.Kind)
	_, err = io.WriteString(w, report.String())
	return !f.verdict.Fails(), err
}

// reproCommand is the line that puts a case to the reader with the same settings.
func (s *Settings) reproCommand(file string) string {
	line := "make -C lab repro " + s.test.CaseArguments(file) + " READER=" + settings.Quote(s.Reader)
	if s.Options != "" {
		line += " OPTIONS=" + settings.Quote(s.Options)
	}
	return line
}
