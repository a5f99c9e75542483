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
	var large []Start
	shows := make(map[string]bool) // by the name of a case
	for _, f := range findings.All.Of(r.Name, r.Version).Findings() {
		p, _ := f.In(r.Name)
		switch {
		case p.Command != "":
		case p.Payload != nil:
			large = append(large, Start{Case: f.Name, Payload: p.Payload()})
		default:
			shows[p.Case] = !strings.HasPrefix(p.Case, "recorded_")
		}
	}
	for _, c := range all {
		damaged := c.Outcome == contract.Malformed && slices.Contains(exact, r.Name)
		if damaged || shows[c.Name] {
			starts = append(starts, Start{Case: c.Name, Payload: c.Payload.Bytes})
		}
	}
	return append(starts, large...)
}
