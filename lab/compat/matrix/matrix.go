// Package matrix computes which containerd works with which shim: what each
// reader (package readers) answers to what each containerd was recorded to send
// (lab/compat/recorded), what an operator sees of that, and whether it is right.
//
// A Row is a reader with its answers. Columns are senders; what becomes of an operator's
// settings is a table of its own.
package matrix

import (
	"fmt"
	"slices"
	"strings"

	"golang.org/x/mod/semver"

	"shimfuzz/internal/contract"
	"shimfuzz/internal/settings"
	"shimfuzz/internal/verdict"
	"shimfuzz/lab/compat/findings"
	"shimfuzz/lab/compat/readers"
)

// Row is a reader's answers to all that it is asked.
type Row struct {
	Reader  readers.Reader
	Err     error // why the reader could not be run; then there are no answers
	Answers []Answer
}

// Wrong reports the wrong answers that no finding predicts: the first of each group.
// program is the path of the reader's program, for the command that shows it again.
func (r Row) Wrong(program string) (reports []verdict.Report) {
	counts := make(map[string]int)
	for _, a := range r.Answers {
		if !a.Verdict.Fails() || a.Verdict.Kind == verdict.KnownRight { // see Stale
			continue
		}
		report := r.report(a, program)
		counts[report.Group]++
		if counts[report.Group] == 1 {
			reports = append(reports, report)
		}
	}
	for i := range reports {
		if n := counts[reports[i].Group]; n > 1 {
			reports[i].Payload.Description += fmt.Sprintf(", the first of %d payloads", n)
		}
	}
	return reports
}

func (r Row) report(a Answer, program string) verdict.Report {
	report := a.Verdict.Report(a.payload(), a.Got, contract.GuaranteeOf(a.Want.Kind),
		findings.All.Of(r.Reader.Name, r.Reader.Version))
	if report.Advice == "" {
		report.Advice = "If the answer is a defect of the reader, add a finding that predicts it to " +
			"lab/compat/findings/all.go."
	}
	report.Program = r.Reader.ID()
	family, _, _ := strings.Cut(a.Name, "_")
	report.Replay = fmt.Sprintf("make -C lab repro CASE=corpus/%s/%s.bin READER=%s", family, a.Name,
		settings.Quote(program))
	return report
}

// Stale returns the findings that predict a wrong answer where that of a release is
// right. A checkout may have fixed any of them.
func (r Row) Stale() (names []string) {
	for _, a := range r.Answers {
		if a.Verdict.Kind == verdict.KnownRight && semver.IsValid(r.Reader.Version) {
			names = append(names, a.Verdict.Finding.Name)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}
