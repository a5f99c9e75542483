package matrix

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/Microsoft/hcsshim/cmd/containerd-shim-runhcs-v1/options"
	"google.golang.org/protobuf/proto"

	"shimfuzz/corpus"
	"shimfuzz/internal/contract"
	"shimfuzz/internal/stdin"
	"shimfuzz/lab/compat/findings"
	"shimfuzz/lab/compat/readers"
	"shimfuzz/lab/compat/recorded"
)

// Sender is a release of containerd that starts shims of some names.
type Sender struct {
	Containerd string   // release
	Shims      []string // base names of the binaries to which it sends the same payloads
	Starts     []Start
}

// Start is the payload that containerd sends for one request to start a shim, or a
// case of the corpus in its place.
type Start struct {
	Name      string // of the case in the corpus
	Payload   []byte
	Requested string // name of one of recorded.RequestedOptions; "" for no recording
}

// To names the shim that a sender sends to.
func (s Sender) To() string {
	if len(s.Shims) > 1 {
		return "any shim"
	}
	return strings.TrimPrefix(s.Shims[0], "containerd-shim-")
}

// Senders groups the recordings of starts by sender. A release that sends the same
// payloads to shims of every name is one sender.
func Senders(recordings []recorded.Recording) []Sender {
	var list []Sender
	for _, r := range recordings {
		if r.Request.Action != "start" {
			continue
		}
		last := len(list) - 1
		if last < 0 || list[last].Containerd != r.Containerd || list[last].Shims[0] != r.Request.Shim {
			list = append(list, Sender{Containerd: r.Containerd, Shims: []string{r.Request.Shim}})
			last++
		}
		list[last].Starts = append(list[last].Starts, Start{r.Name(), r.Stdin, r.Request.Options})
	}
	var merged []Sender
	for _, s := range list {
		if last := len(merged) - 1; last >= 0 && sendSame(merged[last], s) {
			merged[last].Shims = append(merged[last].Shims, s.Shims...)
			continue
		}
		merged = append(merged, s)
	}
	return merged
}

func sendSame(a, b Sender) bool {
	return a.Containerd == b.Containerd &&
		slices.EqualFunc(a.Starts, b.Starts, func(x, y Start) bool { return bytes.Equal(x.Payload, y.Payload) })
}

// Lost returns the fields of the options that containerd was asked to send and did
// not send, as "name: value", in any order.
func (s Start) Lost() (fields []string) {
	o := recorded.Requested(s.Requested)
	if o.Type != contract.OptionsName {
		return nil
	}
	requested, sent := new(options.Options), new(options.Options)
	if proto.Unmarshal(o.Value, requested) != nil || proto.Unmarshal(stdin.OptionsBytes(s.Payload), sent) != nil {
		return []string{"all of them"}
	}
	for fd, v := range requested.ProtoReflect().Range {
		if !sent.ProtoReflect().Has(fd) {
			fields = append(fields, fmt.Sprintf("%s: %v", fd.Name(), v))
		}
	}
	return fields
}

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
			large = append(large, Start{Name: f.Name, Payload: p.Payload()})
		default:
			shows[p.Case] = !strings.HasPrefix(p.Case, "recorded_")
		}
	}
	for _, c := range all {
		damaged := c.Outcome == contract.Malformed && slices.Contains(exact, r.Name)
		if damaged || shows[c.Name] {
			starts = append(starts, Start{Name: c.Name, Payload: c.Payload.Bytes})
		}
	}
	return append(starts, large...)
}
