package matrix

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"shimfuzz/corpus"
	"shimfuzz/internal/contract"
	"shimfuzz/lab/compat/findings"
	"shimfuzz/lab/compat/readers"
	"shimfuzz/lab/compat/recorded"
)

// Start is the payload that containerd sends for one request to start a shim, or a
// case of the corpus in its place.
type Start struct {
	Name      string // of the case in the corpus
	Payload   []byte
	Requested string // name of one of recorded.RequestedOptions; "" if it is not what a sender sends
}

// Sender is a release of containerd that starts shims of some names.
type Sender struct {
	Containerd string   // release
	Shims      []string // base names of the binaries to which it sends the same payloads
	Starts     []Start
}

// String names the release and the shim that it sends to.
func (s Sender) String() string {
	to := "any shim"
	if len(s.Shims) == 1 {
		to = strings.TrimPrefix(s.Shims[0], "containerd-shim-")
	}
	return s.Containerd + " to " + to
}

func (s Sender) sends(start Start) bool {
	return slices.ContainsFunc(s.Starts, func(own Start) bool { return own.Name == start.Name })
}

// Senders groups the recordings of starts by sender. A release that sends the same
// payloads to shims of every name is one sender.
func Senders(recordings []recorded.Recording) (all []Sender) {
	for _, r := range recordings {
		if r.Request.Action != "start" {
			continue
		}
		last := len(all) - 1
		if last < 0 || all[last].Containerd != r.Containerd || all[last].Shims[0] != r.Request.Shim {
			all = append(all, Sender{Containerd: r.Containerd, Shims: []string{r.Request.Shim}})
			last++
		}
		all[last].Starts = append(all[last].Starts, Start{r.Name(), r.Stdin, r.Request.Options})
	}
	same := func(a, b Start) bool { return bytes.Equal(a.Payload, b.Payload) }
	for i := len(all) - 1; i > 0; i-- {
		if a, b := &all[i-1], all[i]; a.Containerd == b.Containerd && slices.EqualFunc(a.Starts, b.Starts, same) {
			a.Shims = append(a.Shims, b.Shims...)
			all = slices.Delete(all, i, i+1)
		}
	}
	return all
}

// Way is the way of one setting of an operator through some releases of containerd, to
// the payload that the shim is given.
type Way struct {
	recorded.Passage
	Start
}

// Ways returns the ways of settings. The error is one of a passage of which the corpus
// has no case.
func Ways(passages []recorded.Passage, cases []corpus.Case) (ways []Way, err error) {
	for _, p := range passages {
		if p.Setting == "" {
			continue
		}
		i := slices.IndexFunc(cases, func(c corpus.Case) bool { return bytes.Equal(c.Payload.Bytes, p.Start) })
		if i < 0 {
			return nil, fmt.Errorf("the corpus has no case of setting %s: run make corpus", p.Setting)
		}
		ways = append(ways, Way{p, Start{Name: cases[i].Name, Payload: p.Start}})
	}
	return ways, nil
}

// isFor reports whether a way ends at the shim that the reader is, or is part of.
func (w Way) isFor(r readers.Reader) bool {
	reads := map[string]string{findings.RunHCS: recorded.SpecialShim, findings.LCOW: recorded.OrdinaryShim}
	return w.Shim == reads[r.Name] && w.Error == ""
}

// exact are the programs whose findings predict the answer to any damaged payload,
// and not only to those that containerd was recorded to send.
var exact = []string{findings.LCOW, findings.PkgShim}

// Starts returns what a reader is asked, each once: what every sender sends, the ways for
// it, and the cases of the corpus that show its findings, or if these are exact, all
// damaged ones. A payload that is too large for the corpus goes by the name of its finding.
func Starts(r readers.Reader, senders []Sender, ways []Way, cases []corpus.Case) (starts []Start) {
	seen := make(map[string]bool)
	add := func(s Start) {
		if !seen[s.Name] {
			seen[s.Name] = true
			starts = append(starts, s)
		}
	}
	for _, s := range senders {
		for _, start := range s.Starts {
			add(start)
		}
	}
	shows := make(map[string]bool) // by the name of a case
	for _, f := range findings.All.Of(r.Name, r.Version).Findings() {
		p, _ := f.In(r.Name)
		switch {
		case p.Command != "":
		case p.Payload != nil:
			add(Start{Name: f.Name, Payload: p.Payload()})
		default:
			shows[p.Case] = true
		}
	}
	for _, c := range cases {
		if damaged := c.Outcome == contract.Malformed && slices.Contains(exact, r.Name); damaged || shows[c.Name] {
			add(Start{Name: c.Name, Payload: c.Payload.Bytes})
		}
	}
	for _, w := range ways {
		if w.isFor(r) {
			add(w.Start)
		}
	}
	return starts
}
