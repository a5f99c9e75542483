package matrix

import (
	"bytes"
	"fmt"
	"slices"

	"golang.org/x/mod/semver"

	"shimfuzz/corpus"
	"shimfuzz/internal/contract"
	"shimfuzz/internal/grammar"
	"shimfuzz/lab/compat/findings"
	"shimfuzz/lab/compat/readers"
	"shimfuzz/lab/compat/recorded"
)

// Sent is what a release of containerd makes of requested options, or of an operator's
// setting: a payload on a shim's standard input, or an error.
type Sent struct {
	recorded.Passage
	grammar.Payload
}

func (s Sent) release() string { return s.Containerd[0] }

// payload is one that a reader is given, by the name of its case in the corpus.
func payload(name string, b []byte) grammar.Payload {
	return grammar.Payload{Bytes: b, Description: name}
}

// allSent is what was recorded. The error is one of a payload of which the corpus has no case.
func allSent(cases []corpus.Case) (all []Sent, err error) {
	for _, r := range recorded.Recordings() {
		if r.Request.Action == "start" {
			p := recorded.Passage{Containerd: []string{r.Containerd}, Shim: r.Request.Shim, Options: r.Request.Options}
			all = append(all, Sent{p, payload(r.Name(), r.Stdin)})
		}
	}
	for _, p := range recorded.Passages() {
		if p.Setting == "" {
			continue
		}
		i := slices.IndexFunc(cases, func(c corpus.Case) bool { return bytes.Equal(c.Payload.Bytes, p.Start) })
		if i < 0 {
			return nil, fmt.Errorf("the corpus has no case of setting %s: run make corpus", p.Setting)
		}
		for _, release := range p.Containerd {
			p.Containerd = []string{release}
			all = append(all, Sent{p, payload(cases[i].Name, p.Start)})
		}
	}
	slices.SortStableFunc(all, func(a, b Sent) int { return semver.Compare(a.release(), b.release()) })
	return all, nil
}

// isFor reports whether a reader is given what was sent: what a setting becomes, if it is
// the shim, or a part of it.
func (s Sent) isFor(r readers.Reader) bool {
	reads := map[string]string{findings.RunHCS: recorded.SpecialShim, findings.LCOW: recorded.OrdinaryShim}
	return s.Setting == "" || s.Shim == reads[r.Name] && s.Error == ""
}

// exact are the programs whose findings predict the answer to any damaged payload,
// and not only to those that containerd was recorded to send.
var exact = []string{findings.LCOW, findings.PkgShim}

// starts returns what a reader is asked, each once: what is sent to it, and the cases of the
// corpus that show its findings, or if these are exact, all damaged ones. A payload that is
// too large for the corpus goes by the name of its finding.
func starts(r readers.Reader, sent []Sent, cases []corpus.Case) (all []grammar.Payload) {
	for _, s := range sent {
		if s.isFor(r) {
			all = append(all, s.Payload)
		}
	}
	shows := make(map[string]bool) // by the name of a case
	for _, f := range findings.All.Of(r.Name, r.Version).Findings() {
		switch p, _ := f.In(r.Name); {
		case p.Command != "":
		case p.Payload != nil:
			all = append(all, payload(f.Name, p.Payload()))
		default:
			shows[p.Case] = true
		}
	}
	for _, c := range cases {
		if damaged := c.Outcome == contract.Malformed && slices.Contains(exact, r.Name); damaged || shows[c.Name] {
			all = append(all, payload(c.Name, c.Payload.Bytes))
		}
	}
	var once []grammar.Payload
	for _, same := range recorded.Grouped(all, func(p grammar.Payload) string { return p.Description }) {
		once = append(once, same[0])
	}
	return once
}
