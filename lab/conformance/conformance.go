// Package conformance holds a reader in a process of its own to the contract, and tells
// the author of the reader, in any language, what it answers instead of what, and why.
package conformance

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"shimfuzz/internal/contract"
	"shimfuzz/internal/findings"
	"shimfuzz/internal/settings"
	"shimfuzz/internal/verdict"
	"shimfuzz/lab/conformance/process"
	"shimfuzz/lab/conformance/protocol"
)

// Run holds a reader to the contract, writes the reports into dir, and a summary to w.
// It reports whether all is as it must be. The error is one line.
func Run(ctx context.Context, w io.Writer, dir string, s settings.Test) (passes bool, err error) {
	subject, reader, err := start(s)
	if err != nil {
		return false, err
	}
	defer reader.Close()
	return subject.run(ctx, w, dir, s, reader)
}

// run is Run of a reader that has been started.
func (s *subject) run(ctx context.Context, w io.Writer, dir string, set settings.Test,
	reader *process.Reader) (passes bool, err error) {
	c := set.Conformance
	checks, err := s.checks(&config{Conformance: c, subject: s})
	if err != nil {
		return false, err
	}
	list, err := readExpected(c.Expected, c.Update)
	if err != nil {
		return false, err
	}
	r := newRun(s, reader, c, list)
	report := newReport(r, set, dir)
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
func start(s settings.Test) (*subject, *process.Reader, error) {
	root, err := settings.Root()
	if err != nil {
		return nil, nil, err
	}
	subject, err := subjectOf(s)
	if err != nil {
		return nil, nil, err
	}
	reader, err := process.New(s.Conformance.Reader, root)
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
func Repro(ctx context.Context, w io.Writer, file string, s settings.Test) (passes bool, err error) {
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
	err = newRun(subject, reader, s.Conformance, new(expected)).ask(ctx, [][]byte{payload},
		func(_ int, got contract.Outcome) { f = subject.judge(payload, got) })
	if err != nil {
		return false, err
	}
	r := f.report(s)
	r.Verdict = f.verdict.Kind
	if f.verdict.Kind == verdict.Right {
		r.Difference = ""
	}
	r.Description = "decided by " + rule(payload, f.want.Kind)
	_, err = io.WriteString(w, r.String())
	return !f.verdict.Fails(), err
}

// report is what is told of a failure.
func (f *failure) report(s settings.Test) verdict.Report {
	q := verdict.Question{Payload: f.payload, Want: f.want}
	r := f.verdict.Report(q, f.got, contract.Guarantee{}, findings.None)
	r.Verdict, r.Guarantee = "", contract.Guarantee{}
	r.Program, r.Difference = s.Conformance.Reader, f.answer()
	if f.file != "" {
		r.Replay = s.ReproCommand(f.file)
	}
	return r
}
