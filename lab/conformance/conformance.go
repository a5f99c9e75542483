package conformance

import (
	"context"
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
func (subject *subject) run(ctx context.Context, w io.Writer, dir string, s settings.Test,
	reader *process.Reader) (passes bool, err error) {
	c := s.Conformance
	checks, err := subject.checks(&config{subject: subject, seed: c.Seed, checks: c.Checks, longest: c.Longest})
	if err != nil {
		return false, err
	}
	list := new(expected)
	if c.Expected != "" {
		if list, err = readExpected(c.Expected, c.Update); err != nil {
			return false, err
		}
	}
	r := newRun(subject, reader, c.Level)
	r.listed = list.names()
	rep := &report{run: r, settings: s, dir: dir}
	if err := rep.header(w); err != nil {
		return false, err
	}
	err = r.all(ctx, checks)
	if err == nil {
		err = r.explain(ctx)
	}
	rep.interrupted = errors.Is(err, context.Canceled)
	rep.causes = r.causes()
	switch {
	case rep.interrupted:
	case err != nil:
		return false, err
	case c.Update:
		list.update(r)
		if err := list.write(); err != nil {
			return false, fmt.Errorf("EXPECTED: %w", err)
		}
		fallthrough
	default:
		rep.problems = list.compare(r)
	}
	rep.list = list
	if err := errors.Join(rep.writeFiles(), rep.summary(w)); err != nil {
		return false, err
	}
	return rep.green(), nil
}

// start starts and greets the reader.
func start(s settings.Test) (*subject, *process.Reader, error) {
	c := s.Conformance
	root, err := settings.Root()
	if err != nil {
		return nil, nil, err
	}
	subject, err := subjectOf(c)
	if err != nil {
		return nil, nil, err
	}
	if err := subject.excuse(c.Name, c.Version, s.Findings); err != nil {
		return nil, nil, err
	}
	reader, err := process.New(c.Reader, root)
	if err != nil {
		return nil, nil, fmt.Errorf("READER: %w", err)
	}
	if err := greet(reader); err != nil {
		reader.Close()
		return nil, nil, err
	}
	return subject, reader, nil
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
	answers, err := newRun(subject, reader, Freedoms).ask(ctx, [][]byte{payload})
	if err != nil {
		return false, err
	}
	f := subject.failure(payload, answers[0])
	_, err = io.WriteString(w, f.replayed(subject, s).String())
	return !f.verdict.Fails(), err
}

// replayed is what is told of an answer that may be right.
func (f *failure) replayed(subject *subject, s settings.Test) verdict.Report {
	f.cause = causeOf(subject, f)
	r := f.report(s)
	r.Verdict = f.verdict.Kind
	if f.verdict.Kind == verdict.Right {
		r.Difference = ""
	}
	r.Description = "special in it: " + strings.Join(f.cause.features, " ")
	return r
}

// report is what is told of a failure.
func (f *failure) report(s settings.Test) verdict.Report {
	r := verdict.Report{
		Finding: f.verdict.Finding, Program: s.Conformance.Reader,
		Want: outcomeText(f.want), Got: f.got.String(), Difference: differenceText(f.want, f.got),
		Input: contract.Stdin, Payload: f.payload,
	}
	if f.verdict.Kind == verdict.KnownDifferent {
		r.Advice = fmt.Sprintf("The finding %s predicts another wrong answer here: %v.", f.verdict.Finding.Name,
			f.verdict.Predicted)
	}
	if f.got.Kind == contract.Panic {
		r.Got, r.Panic = "panic", f.got.Panic
	}
	if f.file != "" {
		r.Replay = s.ReproCommand(f.file)
	}
	return r
}

// outcomeText names the right answers. The text of an error is the reader's own affair.
func outcomeText(want contract.Outcome) string {
	var all []string
	for _, o := range append([]contract.Outcome{want}, want.Or...) {
		o.Err = nil
		all = append(all, o.String())
	}
	return strings.Join(all, "\nor ")
}

// differenceText lists the fields that differ, with their values.
func differenceText(want, got contract.Outcome) string {
	list := differences(want, got)
	if list == nil {
		return answerText(want, got)
	}
	w, g := likeGot(want, got).Options.ProtoReflect(), got.Options.ProtoReflect()
	var lines []string
	for _, d := range list {
		fd := w.Descriptor().Fields().ByName(protoName(d.field))
		lines = append(lines, fmt.Sprintf("%s: %s instead of %s", d.field, fieldText(g, fd), fieldText(w, fd)))
	}
	return strings.Join(lines, "\n")
}

// saved is the file in dir that keeps the payload of a test.
func saved(dir, test string, taken map[string]bool) string {
	const longest = 120
	clean := strings.Map(func(c rune) rune {
		if strings.ContainsRune("-_.+=^", c) || c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' {
			return c
		}
		return '_'
	}, test)
	clean = clean[:min(len(clean), longest)]
	name := clean
	for i := 2; taken[name]; i++ {
		name = fmt.Sprintf("%s_%d", clean, i)
	}
	taken[name] = true
	return filepath.Join(dir, "failures", name+".bin")
}
