// Package compat tests the interoperation of containerd and shims: Record records
// what each release of containerd sends, Compare asks every reader what it decodes
// from that.
package compat

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"shimfuzz/corpus"
	"shimfuzz/internal/gocmd"
	"shimfuzz/internal/hcsshim/extract"
	"shimfuzz/lab/compat/matrix"
	"shimfuzz/lab/compat/readers"
	"shimfuzz/lab/compat/recorded"
	"shimfuzz/lab/conformance/process"
)

// Compare runs every reader, and the runhcs-v1 of one more hcsshim, on what every
// containerd was recorded to send, and prints and writes which works with which. It
// fails for a wrong answer that no finding predicts, for a finding that no longer
// shows, and for a reader that cannot be built.
func Compare(ctx context.Context, root string, hcsshim *extract.Source) error {
	senders := matrix.Senders(recorded.Recordings())
	cases, err := corpus.Load()
	if err != nil {
		return err
	}
	ways, err := matrix.Ways(recorded.Passages(), cases)
	if err != nil {
		return err
	}
	m := &measurement{root: root, senders: senders, ways: ways, cases: cases}
	rows, err := m.askAll(ctx, readers.All(cmp.Or(hcsshim.Version, hcsshim.Dir)))
	if err != nil {
		return err
	}
	fmt.Println()
	matrix.Markdown(os.Stdout, senders, rows)
	fmt.Printf("\n%s\n\n", matrix.Legend)
	matrix.Advice(os.Stdout, senders, rows)
	if err := m.write(rows); err != nil {
		return err
	}
	return m.judge(rows)
}

// measurement is what every reader is asked.
type measurement struct {
	root    string
	senders []matrix.Sender
	ways    []matrix.Way
	cases   []corpus.Case
}

// askAll builds and asks each reader, as many at a time as there are cores.
func (m *measurement) askAll(ctx context.Context, all []readers.Reader) ([]matrix.Row, error) {
	rows := make([]matrix.Row, len(all))
	errs := make([]error, len(all))
	var g errgroup.Group
	g.SetLimit(runtime.NumCPU())
	for i, r := range all {
		g.Go(func() error {
			if ctx.Err() == nil {
				start := time.Now()
				rows[i], errs[i] = m.ask(r)
				fmt.Printf("  %-34s %3.0f s\n", r.ID(), time.Since(start).Seconds())
			}
			return nil
		})
	}
	_ = g.Wait() // the errors of all are told
	return rows, cmp.Or(ctx.Err(), errors.Join(errs...))
}

// ask puts every payload to one reader. A reader that cannot be built is a row, too;
// the error is one of running it, or of an answer that is not of the protocol.
func (m *measurement) ask(r readers.Reader) (matrix.Row, error) {
	row := matrix.Row{Reader: r}
	missing := func(err error) matrix.Row {
		return matrix.Row{Reader: r, Missing: gocmd.OneLine(err.Error()), Absent: errors.Is(err, readers.ErrNotHere)}
	}
	program, err := r.Build(m.root)
	if err != nil {
		return missing(err), nil
	}
	p := &process.Reader{Command: []string{program}, Limit: process.Limit}
	defer p.Close()
	for _, s := range m.senders {
		c, err := matrix.Ask(r, s, p.Ask)
		if errors.Is(err, readers.ErrNotHere) {
			return missing(err), nil
		}
		if err != nil {
			return row, err
		}
		row.Cells = append(row.Cells, c)
	}
	replays, err := matrix.Ask(r, matrix.Sender{Starts: matrix.Cases(r, m.cases)}, p.Ask)
	row.Replays = replays.Answers
	if err != nil {
		return row, err
	}
	row.Settings, err = matrix.AskWays(r, m.ways, p.Ask)
	return row, err
}

// matrixMarkdown is the file with the table, relative to the root.
const matrixMarkdown = "build/matrix/matrix.md"

func (m *measurement) write(rows []matrix.Row) error {
	markdown := filepath.Join(m.root, matrixMarkdown)
	page := filepath.Join(filepath.Dir(markdown), "index.html")
	var html bytes.Buffer
	if err := errors.Join(matrix.HTML(&html, m.senders, rows), os.MkdirAll(filepath.Dir(page), 0o777),
		os.WriteFile(markdown, []byte(strings.Join(m.tables(rows), "\n")), 0o666),
		os.WriteFile(page, html.Bytes(), 0o666)); err != nil {
		return err
	}
	fmt.Printf("\nwhat becomes of an operator's TOML, and the table above, as Markdown: %s\n", matrixMarkdown)
	fmt.Printf("with the evidence of each cell: %s\n", gocmd.FromHere(page))
	return nil
}

// judge prints, and fails for, what no finding explains and what is no longer true.
func (m *measurement) judge(rows []matrix.Row) error {
	wrong := 0
	tell := func(format string, args ...any) {
		wrong++
		fmt.Printf("\n"+format, args...)
	}
	for _, s := range matrix.Surprises(rows) {
		tell("WRONG  %s, %d times\n%s", s.Reader.ID(), s.Count, s.Report(gocmd.FromHere(s.Reader.Program(m.root))))
	}
	for _, s := range matrix.Stale(rows) {
		tell("STALE  %s, where the answer is right: correct its entry in lab/compat/findings/all.go\n", s)
	}
	for _, r := range rows {
		if r.Missing != "" && !r.Absent {
			tell("NOT RUN  %s: %s\n", r.Reader.ID(), r.Missing)
		}
	}
	stale, err := m.pageIsStale(rows)
	if err != nil {
		return err
	}
	if stale && !slices.ContainsFunc(rows, func(r matrix.Row) bool { return r.Missing != "" }) {
		tell("STALE  the tables in docs/matrix.md are not those of %s\n", matrixMarkdown)
	}
	fmt.Printf("\n%d readers, %d senders, %d wrong\n", len(rows), len(m.senders), wrong)
	if wrong > 0 {
		return gocmd.ErrReported
	}
	return nil
}

// tables is the tables of docs/matrix.md.
func (m *measurement) tables(rows []matrix.Row) []string {
	var starts, settings strings.Builder
	matrix.Markdown(&starts, m.senders, rows)
	matrix.SettingsMarkdown(&settings, m.ways, rows)
	return []string{starts.String(), settings.String()}
}

// pageIsStale reports whether docs/matrix.md shows other tables of the listed releases.
func (m *measurement) pageIsStale(rows []matrix.Row) (bool, error) {
	listed := slices.DeleteFunc(slices.Clone(rows), func(r matrix.Row) bool {
		return !slices.ContainsFunc(readers.All(""), func(l readers.Reader) bool { return l.ID() == r.Reader.ID() })
	})
	page, err := os.ReadFile(filepath.Join(m.root, "docs", "matrix.md"))
	return slices.ContainsFunc(m.tables(listed), func(t string) bool { return !strings.Contains(string(page), t) }), err
}
