package matrix

import (
	"slices"
	"strings"

	"shimfuzz/corpus"
	"shimfuzz/internal/contract"
	"shimfuzz/lab/compat/findings"
	"shimfuzz/lab/compat/readers"
)

// exact are the programs whose findings predict the answer to any damaged payload,
// and not only to those that containerd was recorded to send.
var exact = []string{findings.LCOW, findings.PkgShim}

// Cases returns the cases of the corpus that a reader is given beside what was
// recorded: those that show its findings, and if these are exact, all damaged ones. A
// payload that is too large for the corpus goes by the name of its finding.
func Cases(r readers.Reader, all []corpus.Case) (starts []Start) {
	for _, c := range all {
		damaged := c.Outcome == contract.Malformed && slices.Contains(exact, r.Name)
		if damaged || shows(r, c.Name) {
			starts = append(starts, Start{Case: c.Name, Payload: c.Payload.Bytes})
		}
	}
	for _, f := range findings.Of(r.Name, r.Version).Findings() {
		if p, _ := f.In(r.Name); p.Command == "" && p.Payload != nil {
			starts = append(starts, Start{Case: f.Name, Payload: p.Payload()})
		}
	}
	return starts
}

// shows reports whether a case that was not recorded shows a finding of the reader's
// answers.
func shows(r readers.Reader, name string) bool {
	if strings.HasPrefix(name, "recorded_") {
		return false
	}
	return slices.ContainsFunc(findings.Of(r.Name, r.Version).Findings(), func(f *findings.Finding) bool {
		p, _ := f.In(r.Name)
		return p.Command == "" && p.Case == name
	})
}
