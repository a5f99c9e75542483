package table

import (
	"bytes"
	_ "embed"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"google.golang.org/protobuf/encoding/protojson"

	"shimfuzz/internal/contract"
	"shimfuzz/internal/reference"
)

// Passage is what became of options on their way through containerd's daemon to a
// shim, which was recorded: from the operator's configuration or from a client's
// request, through CRI's code, the client, the tasks service or the sandbox
// controller, and the task manager.
type Passage struct {
	Containerd []string `json:"containerd"` // releases that did the same
	// task: a container with a shim of its own; sandbox: one in a sandbox with a shim
	Through string  `json:"through"`
	Shim    string  `json:"shim"`              // base name of the binary
	Options string  `json:"options,omitempty"` // name of one of RequestedOptions
	Setting string  `json:"setting,omitempty"` // or of one of the lab's settings
	Start   *string `json:"start,omitempty"`   // hexadecimal: standard input of start; nil if there was none
	// and of -info; nil if it was empty, or the daemon did not ask for that
	Info *string `json:"info,omitempty"`
	// CreateTaskRequest.Options, an Any; "" if it was left out, nil if the call was not made
	Create *string `json:"create,omitempty"`
	Error  string  `json:"error,omitempty"` // from containerd
}

// The values of Passage.Through.
const (
	ThroughTask    = "task"
	ThroughSandbox = "sandbox"
)

// PassageSocketDir is the folder for the shims' sockets in the configuration.
const PassageSocketDir = "/run/containerd/s"

// PassagesFile is where make -C lab record writes Passages, from the root.
const PassagesFile = "corpus/table/passages.json"

//go:embed passages.json
var passages []byte

// Passages returns what has been recorded of containerd's daemons.
func Passages() ([]Passage, error) {
	var all []Passage
	if err := json.Unmarshal(passages, &all); err != nil {
		return nil, fmt.Errorf("%s: %w", PassagesFile, err)
	}
	return all, nil
}

// Bytes decodes one of a passage's payloads, nil for none.
func (p Passage) Bytes(hexadecimal *string) ([]byte, error) {
	if hexadecimal == nil {
		return nil, nil
	}
	return hex.DecodeString(*hexadecimal)
}

// passed is the payloads of passages as cases: what a setting becomes on standard
// input, where no other recording has it, and each CreateTaskRequest.Options once.
func passed(recorded []Case) ([]Case, error) {
	all, err := Passages()
	if err != nil {
		return nil, err
	}
	known := func(list []Case, b []byte) bool {
		return slices.ContainsFunc(list, func(c Case) bool { return bytes.Equal(c.Payload, b) })
	}
	starts, creates := recorded, []Case(nil)
	for _, p := range all {
		start, err1 := p.Bytes(p.Start)
		create, err2 := p.Bytes(p.Create)
		if err := errors.Join(err1, err2); err != nil {
			return nil, fmt.Errorf("%s: %w", PassagesFile, err)
		}
		if p.Setting != "" && !known(starts, start) {
			starts = append(starts, p.asCase(recorded, "start", start, "Recorded"))
		}
		if p.Options != "" && len(create) > 0 && !known(creates, create) {
			creates = append(creates, p.asCase(recorded, "create", create, "Recorded", "Create"))
		}
	}
	return append(slices.Clone(starts[len(recorded):]), creates...), nil
}

// asCase is one payload of a passage. What the contract answers to it is the
// reference's answer: containerd encoded it, so it is well-formed.
func (p Passage) asCase(recorded []Case, action string, b []byte, flag ...string) Case {
	name := p.Options
	if p.Setting != "" {
		name = "toml_" + p.Setting
	}
	if p.Through == ThroughSandbox {
		name += "_sandbox"
	}
	i := slices.IndexFunc(recorded, func(c Case) bool { return c.Origin.Containerd == p.Containerd[0] })
	origin := *recorded[i].Origin
	origin.Entry = "client.Container.NewTask"
	origin.Request = Request{Shim: p.Shim, Action: action, Options: p.Options, Setting: p.Setting, LogLevel: "info",
		SocketDir: PassageSocketDir}
	c := Case{Name: fmt.Sprintf("recorded_%s_%s_%s_%s", p.Containerd[0], strings.TrimPrefix(p.Shim, "containerd-shim-"),
		action, name),
		Payload: b, Flags: flags(flag...), Origin: &origin}
	want := reference.Want(b)
	if c.Want = want.Kind; want.Kind == contract.Options {
		text, err := protojson.Marshal(want.Options)
		if err != nil {
			panic(fmt.Sprintf("table: %s: %v", c.Name, err))
		}
		c.Options = string(text)
	}
	return c
}
