package interop

import (
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
	"shimfuzz/corpus/table"
	"shimfuzz/internal/gocmd"
	"shimfuzz/internal/hcsshim/extract"
	"shimfuzz/internal/interop/matrix"
	"shimfuzz/internal/interop/process"
	"shimfuzz/internal/interop/readers"
)

// Compare runs every reader, and the runhcs-v1 of one more hcsshim, on what every
// containerd was recorded to send, and prints and writes which works with which. It
// fails for a wrong answer that no finding predicts, for a finding that no longer
// shows, and for a reader that cannot be built.
func Compare(ctx context.Context, root string, hcsshim *extract.Source) error {
	recordings, err := table.Recordings()
	if err != nil {
		return err
	}
	senders, err := matrix.Senders(recordings)
	if err != nil {
		return err
	}
	cases, err := corpus.Load()
	if err != nil {
		return err
	}
	rows, err := askAll(ctx, root, senders, cases, readers.All(cmp.Or(hcsshim.Version, hcsshim.Dir)))
	if err != nil {
		return err
	}
	fmt.Println()
	matrix.Text(os.Stdout, senders, rows)
	fmt.Println()
	matrix.Advice(os.Stdout, senders, rows)
	if err := write(root, senders, rows); err != nil {
		return err
	}
	return judge(root, senders, rows)
}

// askAll builds and asks each reader, as many at a time as there are cores.
func askAll(ctx context.Context, root string, senders []matrix.Sender, cases []corpus.Case, all []readers.Reader) ([]matrix.Row, error) {
	rows := make([]matrix.Row, len(all))
	errs := make([]error, len(all))
	var g errgroup.Group
	g.SetLimit(runtime.NumCPU())
	for i, r := range all {
		g.Go(func() error {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			start := time.Now()
			if rows[i], errs[i] = ask(root, senders, cases, r); ctx.Err() == nil {
				fmt.Printf("  %-34s %3.0f s\n", r.ID(), time.Since(start).Seconds())
			}
			return ctx.Err()
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	return rows, errors.Join(errs...)
}

// ask puts every payload to one reader. A reader that cannot be built is a row, too;
// the error is one of running it, or of an answer that is not of the protocol.
func ask(root string, senders []matrix.Sender, cases []corpus.Case, r readers.Reader) (matrix.Row, error) {
	row := matrix.Row{Reader: r}
	missing := func(err error) (matrix.Row, error) {
		return matrix.Row{Reader: r, Missing: gocmd.OneLine(err.Error()), Absent: errors.Is(err, readers.ErrNotHere)}, nil
	}
	program, err := r.Build(root)
	if err != nil {
		return missing(err)
	}
	p := &process.Reader{Command: []string{program}, Limit: process.Limit}
	defer p.Close()
	for _, s := range senders {
		c, err := matrix.Ask(r, s, p.Ask)
		if errors.Is(err, readers.ErrNotHere) {
			return missing(err)
		}
		if err != nil {
			return row, err
		}
		row.Cells = append(row.Cells, c)
	}
	replays, err := matrix.Ask(r, matrix.Sender{Starts: matrix.Cases(r, cases)}, p.Ask)
	row.Replays = replays.Answers
	return row, err
}

// matrixMarkdown is the file with the table, relative to the root.
const matrixMarkdown = "build/matrix/matrix.md"

func write(root string, senders []matrix.Sender, rows []matrix.Row) error {
	dir := filepath.Join(root, "build", "matrix")
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	var md strings.Builder
	matrix.Markdown(&md, senders, rows)
	if err := os.WriteFile(filepath.Join(root, matrixMarkdown), []byte(md.String()), 0o666); err != nil {
		return err
	}
	page := filepath.Join(dir, "index.html")
	f, err := os.Create(page)
	if err != nil {
		return err
	}
	if err := errors.Join(matrix.HTML(f, senders, rows), f.Close()); err != nil {
		return err
	}
	fmt.Printf("\nwith the evidence of each cell: %s; as Markdown: %s\n", gocmd.FromHere(page), matrixMarkdown)
	return nil
}

// judge prints, and fails for, what no finding explains and what is no longer true.
func judge(root string, senders []matrix.Sender, rows []matrix.Row) error {
	wrong := 0
	for _, s := range matrix.Surprises(rows) {
		wrong++
		fmt.Printf("\nWRONG  %s, %d times\n%s", s.Reader.ID(), s.Count, s.Report(gocmd.FromHere(s.Reader.Program(root))))
	}
	for _, s := range matrix.Stale(rows) {
		wrong++
		fmt.Printf("\nSTALE  %s, where the answer is right: correct its entry in internal/findings/all.go\n", s)
	}
	for _, r := range rows {
		if r.Missing != "" && !r.Absent {
			wrong++
			fmt.Printf("\nNOT RUN  %s: %s\n", r.Reader.ID(), r.Missing)
		}
	}
	stale, err := pageIsStale(root, senders, rows)
	if err != nil {
		return err
	}
	if stale && !slices.ContainsFunc(rows, func(r matrix.Row) bool { return r.Missing != "" }) {
		wrong++
		fmt.Printf("\nSTALE  the matrix in docs/matrix.md is not %s\n", matrixMarkdown)
	}
	fmt.Printf("\n%d readers, %d senders, %d wrong\n", len(rows), len(senders), wrong)
	if wrong > 0 {
		return gocmd.ErrReported
	}
	return nil
}

// pageIsStale reports whether docs/matrix.md shows another matrix of the listed
// releases.
func pageIsStale(root string, senders []matrix.Sender, rows []matrix.Row) (bool, error) {
	listed := slices.DeleteFunc(slices.Clone(rows), func(r matrix.Row) bool {
		return !slices.ContainsFunc(readers.All(""), func(l readers.Reader) bool { return l.ID() == r.Reader.ID() })
	})
	page, err := os.ReadFile(filepath.Join(root, "docs", "matrix.md"))
	var md strings.Builder
	matrix.Markdown(&md, senders, listed)
	return !strings.Contains(string(page), md.String()), err
}
