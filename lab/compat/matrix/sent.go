package matrix

import (
	"slices"
	"strings"

	"shimfuzz/corpus"
	"shimfuzz/internal/contract"
	"shimfuzz/internal/grammar"
	"shimfuzz/lab/compat/findings"
	"shimfuzz/lab/compat/readers"
	"shimfuzz/lab/compat/recorded"
)

// sent is what was recorded that each release of containerd makes of requested options when it
// starts a shim.
func sent() []recorded.Recording {
	notStart := func(r recorded.Recording) bool { return r.Request.Action != "start" }
	return slices.DeleteFunc(recorded.Recordings(), notStart)
}

// exact are the programs whose findings predict the answer to any damaged payload,
// and not only to those that containerd was recorded to send.
var exact = []string{findings.LCOW, findings.PkgShim}

// starts returns what a reader is asked, each once: what is sent to it; what a daemon made of an
// operator's TOML for it; and the cases of the corpus that show its findings. If these are exact, it
// is also asked all damaged cases. A payload that is too large for the corpus goes by the name of
// its finding.
func starts(r readers.Reader, sent []recorded.Recording, cases []corpus.Case) (all []grammar.Payload) {
	var made []grammar.Payload
	wanted, shows := make(map[string]bool), make(map[string]bool) // by the payload, by the name of a case
	for _, s := range sent {
		wanted[string(s.Stdin)] = true
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
	toml := "_" + strings.TrimPrefix(r.Name, "hcsshim ") + "_start_toml_"
	for _, c := range cases {
		configured := strings.Contains(c.Name, toml)
		damaged := c.Outcome == contract.Malformed && slices.Contains(exact, r.Name)
		if b := c.Payload.Bytes; damaged || configured || shows[c.Name] || wanted[string(b)] {
			wanted[string(b)] = false
			all = append(all, grammar.Payload{Bytes: b, Description: c.Name})
		}
	}
	return append(all, made...)
}
