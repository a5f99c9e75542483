package differential

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"shimfuzz/internal/contract"
	"shimfuzz/internal/gocmd"
	"shimfuzz/internal/stdin"
)

// folder is where the payloads of disagreements are kept, from the root.
const folder = "build/differential"

// save writes the payloads of the disagreements of this run, in the place of those of earlier runs.
func (r *run) save(root string) error {
	dir := filepath.Join(root, folder)
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	for _, t := range r.tallies {
		for _, d := range t.disagreements() {
			if err := os.MkdirAll(dir, 0o777); err != nil {
				return err
			}
			name := t.engine.Name + "-" + strings.NewReplacer(" ", "-", "/", "-").Replace(d.String()) + ".bin"
			d.file = folder + "/" + name
			if err := os.WriteFile(filepath.Join(dir, name), d.payload, 0o666); err != nil {
				return err
			}
		}
	}
	return nil
}

// report prints what the engines have answered, and returns an error if anything is wrong.
func (r *run) report(took time.Duration) error {
	const row = "%-12s %10v %10v %12v %13v %11v  %s\n"
	fmt.Fprintf(r.out, row, "reader", "payloads", "agreed", "in a freedom", "known defects", "unexplained", "engine")
	for _, t := range r.tallies {
		fmt.Fprintf(r.out, row, t.engine.Name, t.payloads, t.agreed, t.free, t.explained, t.unexplained, t.engine.On)
	}
	wrong, unexplained, asked := 0, 0, 0
	for _, t := range r.tallies {
		wrong += r.details(t)
		unexplained += t.unexplained
		asked += min(t.payloads, 1)
	}
	fmt.Fprintf(r.out, "\n%d payloads walked and %d mutated, %d of %d readers asked, %d answers unexplained, in %v\n",
		r.walked, r.mutated, asked, len(r.tallies), unexplained, took.Round(time.Second))
	switch {
	case wrong > 0:
		return gocmd.ErrReported
	case asked == 0:
		return errors.New("no reader can be run here")
	}
	return nil
}

// details prints what is to be said of a reader, and returns how much of that is wrong.
func (r *run) details(t *tally) (wrong int) {
	name := t.engine.Name
	if t.engine.NotRun != "" {
		fmt.Fprintf(r.out, "\n%s: NOT RUN: %s\n", name, t.engine.NotRun)
		return 0
	}
	if t.engine.Every > 1 {
		fmt.Fprintf(r.out, "\n%s is slow and was asked every %dth payload\n", name, t.engine.Every)
	}
	for _, d := range t.engine.Defects {
		fmt.Fprintf(r.out, "\n%s: %s, %d payloads: %s\n", name, d.Name, t.known[d.Name], d.Why)
	}
	if t.err != nil {
		fmt.Fprintf(r.out, "\n%s: NOT ASKED further after %d payloads: %v\n", name, t.payloads, t.err)
		return 1
	}
	for _, defect := range t.stale() {
		fmt.Fprintf(r.out,
			"\n%s: the known defect %s has not shown: if the engine no longer has it, remove it from the table\n", name,
			defect)
		wrong++
	}
	for _, d := range t.disagreements() {
		fmt.Fprintf(r.out, "\n%s: %s, %d payloads, such as one of %d bytes, %s:\n%s", name, d, d.payloads,
			len(d.payload),
			stdin.FamilyName(contract.Stdin, d.payload), stdin.Dump(contract.Stdin, d.payload))
		fmt.Fprintf(r.out, "  wanted %v\n  given  %v\n  make repro CASE=%s READER='%s'\n", d.want, d.got, d.file,
			t.engine.Command)
		wrong++
	}
	return wrong
}
