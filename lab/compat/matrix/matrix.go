// Package matrix computes which containerd works with which shim: what each
// reader (package readers) answers to what each containerd was recorded to send
// (package recorded), what an operator sees of that, and whether it is right.
package matrix

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"golang.org/x/mod/semver"
	"golang.org/x/sync/errgroup"

	"shimfuzz/corpus"
	"shimfuzz/internal/contract"
	"shimfuzz/internal/gocmd"
	"shimfuzz/internal/hcsshim/extract"
	"shimfuzz/internal/settings"
	"shimfuzz/internal/verdict"
	"shimfuzz/lab/compat/findings"
	"shimfuzz/lab/compat/readers"
	"shimfuzz/lab/compat/recorded"
	"shimfuzz/lab/conformance/process"
)

// markdown is the file with the table, relative to the root.
const markdown = "build/matrix/matrix.md"

// Compare runs every reader, and the runhcs-v1 of one more hcsshim, on what every
// containerd was recorded to send, and prints and writes which works with which. It
// fails for a wrong answer that no finding predicts, for a finding that no longer
// shows, and for a reader that cannot be built.
func Compare(ctx context.Context, root string, hcsshim *extract.Source) error {
	cases, err := corpus.Load()
	if err != nil {
		return err
	}
	all := sent()
	rows := askAll(ctx, root, readers.All(cmp.Or(hcsshim.Version, hcsshim.Dir)), all, cases)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	text, senders := table(all, rows)
	file := filepath.Join(root, markdown)
	if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o777),
		os.WriteFile(file, []byte(text), 0o666)); err != nil {
		return err
	}
	fmt.Printf("\n%s\ndocs/matrix.md explains the words; %s has this table\n", text, markdown)
	found, err := faults(root, rows, text)
	for _, f := range found {
		fmt.Printf("\n%s\n", strings.TrimSpace(f))
	}
	fmt.Printf("\n%d readers, %d senders, %d wrong\n", len(rows), senders, len(found))
	if err == nil && len(found) > 0 {
		return gocmd.ErrReported
	}
	return err
}

// Row is a reader's answers to all that it is asked.
type Row struct {
	Reader  readers.Reader
	Err     error // why the reader could not be run, or does not speak the protocol; then there are no answers
	Answers []Answer
}

// askAll builds and asks each reader, as many at a time as there are cores.
func askAll(ctx context.Context, root string, all []readers.Reader, sent []recorded.Recording,
	cases []corpus.Case) []Row {
	rows := make([]Row, len(all))
	var g errgroup.Group
	g.SetLimit(runtime.NumCPU())
	for i, r := range all {
		g.Go(func() error {
			if ctx.Err() != nil {
				return nil
			}
			start := time.Now()
			rows[i] = Row{Reader: r, Err: r.Build(root)}
			if rows[i].Err == nil {
				p := &process.Reader{Command: []string{r.Program(root)}, Limit: process.Limit}
				defer p.Close()
				rows[i] = ask(r, starts(r, sent, cases), p.Ask)
			}
			fmt.Printf("  %-34s %3.0f s\n", r.ID(), time.Since(start).Seconds())
			return nil
		})
	}
	_ = g.Wait() // an error is a row's
	return rows
}

// faults are what no finding explains and what is no longer true. docs/matrix.md has the
// table of the listed releases.
func faults(root string, rows []Row, table string) (found []string, err error) {
	add := func(format string, args ...any) { found = append(found, fmt.Sprintf(format, args...)) }
	complete := len(rows) == len(readers.All(""))
	for _, r := range rows {
		for _, report := range r.reports(gocmd.FromHere(r.Reader.Program(root))) {
			word := "WRONG"
			if report.Verdict == verdict.KnownRight {
				word = "STALE"
			}
			add("%s  %s%s", word, r.Reader.ID(), report)
		}
		if r.Err != nil && !errors.Is(r.Err, readers.ErrNotHere) {
			add("NOT RUN  %s: %s", r.Reader.ID(), gocmd.OneLine(r.Err.Error()))
		}
		complete = complete && r.Err == nil
	}
	page, err := os.ReadFile(filepath.Join(root, "docs", "matrix.md"))
	if complete && !strings.Contains(string(page), table) {
		add("STALE  the first table in docs/matrix.md is not that of %s", markdown)
	}
	return found, err
}

// reports are of the wrong answers that no finding predicts, and of the right ones of a release
// where one predicts a wrong answer, which a checkout may have fixed: the first of each group.
// program is the path of the reader's program, for the command that shows it again.
func (r Row) reports(program string) (reports []verdict.Report) {
	var all []verdict.Report
	for _, a := range r.Answers {
		if a.Verdict.Fails() && (a.Verdict.Kind != verdict.KnownRight || semver.IsValid(r.Reader.Version)) {
			all = append(all, r.report(a, program))
		}
	}
	for _, group := range grouped(all, func(r verdict.Report) string { return r.Group }) {
		if n := len(group); n > 1 {
			group[0].Payload.Description += fmt.Sprintf(", the first of %d payloads", n)
		}
		reports = append(reports, group[0])
	}
	return reports
}

func (r Row) report(a Answer, program string) verdict.Report {
	report := a.Verdict.Report(a.Payload, a.Got, contract.GuaranteeOf(a.Want.Kind),
		findings.All.Of(r.Reader.Name, r.Reader.Version))
	report.Advice = cmp.Or(report.Advice, "If the answer is a defect of the reader, add a finding that predicts it to "+
		"lab/compat/findings/all.go.")
	if report.Verdict == verdict.KnownRight {
		report.Group = report.Finding.Name
		report.Advice = "The finding no longer shows here: correct its entry in lab/compat/findings/all.go."
	}
	report.Program = r.Reader.ID()
	family, _, _ := strings.Cut(a.Description, "_")
	report.Replay = fmt.Sprintf("make -C lab repro CASE=corpus/%s/%s.bin READER=%s", family, a.Description,
		settings.Quote(program))
	return report
}
