package matrix

import (
	"slices"

	"golang.org/x/mod/semver"

	"shimfuzz/corpus"
	"shimfuzz/internal/contract"
	"shimfuzz/internal/grammar"
	"shimfuzz/lab/compat/findings"
	"shimfuzz/lab/compat/readers"
	"shimfuzz/lab/compat/recorded"
)

// sent is what was recorded that each release of containerd makes of requested options, and of
// an operator's settings: a payload on a shim's standard input, or an error.
func sent() (all []recorded.Passage) {
	for _, r := range recorded.Recordings() {
		if r.Request.Action == "start" {
			all = append(all, recorded.Passage{Containerd: []string{r.Containerd}, Shim: r.Request.Shim,
				Options: r.Request.Options, Start: r.Stdin})
		}
	}
	for _, p := range recorded.Passages() {
		for _, release := range p.Containerd {
			if p.Containerd = []string{release}; p.Setting != "" {
				all = append(all, p)
			}
		}
	}
	slices.SortStableFunc(all, func(a, b recorded.Passage) int { return semver.Compare(release(a), release(b)) })
	return all
}

// release is that of containerd.
func release(p recorded.Passage) string { return p.Containerd[0] }

// isFor reports whether a reader is given what was sent: what a setting becomes, if it is
// the shim, or a part of it.
func isFor(p recorded.Passage, r readers.Reader) bool {
	reads := map[string]string{findings.RunHCS: recorded.SpecialShim, findings.LCOW: recorded.OrdinaryShim}
	return p.Setting == "" || p.Shim == reads[r.Name] && p.Error == ""
}

// exact are the programs whose findings predict the answer to any damaged payload,
// and not only to those that containerd was recorded to send.
var exact = []string{findings.LCOW, findings.PkgShim}

// starts returns what a reader is asked, each once: what is sent to it, and the cases of the
// corpus that show its findings, or if these are exact, all damaged ones. A payload that is
// too large for the corpus goes by the name of its finding.
func starts(r readers.Reader, sent []recorded.Passage, cases []corpus.Case) (all []grammar.Payload) {
	var made []grammar.Payload
	wanted, shows := make(map[string]bool), make(map[string]bool) // by the payload, by the name of a case
	for _, p := range sent {
		wanted[string(p.Start)] = wanted[string(p.Start)] || isFor(p, r)
	}
	for _, f := range findings.All.Of(r.Name, r.Version).Findings {
		switch p, _ := f.In(r.Name); {
		case p.Command != "":
		case p.Payload != nil:
			made = append(made, grammar.Payload{Bytes: p.Payload(), Description: f.Name})
		default:
			shows[p.Case] = true
		}
	}
	for _, c := range cases {
		damaged := c.Outcome == contract.Malformed && slices.Contains(exact, r.Name)
		if b := c.Payload.Bytes; damaged || shows[c.Name] || wanted[string(b)] {
			wanted[string(b)] = false
			all = append(all, grammar.Payload{Bytes: b, Description: c.Name})
		}
	}
	return append(all, made...)
}
