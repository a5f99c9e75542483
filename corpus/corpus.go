// Package corpus holds payloads with the right answer to each: one file of raw
// bytes a case, just as a shim finds them on its standard input, and index.json
// for readers in any language.
//
// A case is a file and its entry in the index, which "make corpus" adds: CONTRIBUTING.md
// says how. The files seed every fuzz target and are replayed on every decoder by "make
// test". What containerd was recorded to write comes from "make -C lab record".
package corpus

import (
	"crypto/sha256"
	"embed"
	"encoding/json"
	"fmt"
	"io/fs"
	"slices"

	"github.com/Microsoft/hcsshim/cmd/containerd-shim-runhcs-v1/options"
	"google.golang.org/protobuf/encoding/protojson"

	"shimfuzz/internal/contract"
	"shimfuzz/internal/grammar"
)

//go:embed index.json */*
var files embed.FS

// Case is one payload and the right answer to it, as the index has it.
type Case struct {
	Name      string             `json:"name"`
	File      string             `json:"file"` // below corpus/, raw bytes
	Size      int                `json:"size"`
	SHA256    string             `json:"sha256"` // hexadecimal
	Outcome   contract.Kind      `json:"outcome"`
	Or        []contract.Kind    `json:"or,omitempty"`      // the other answers that the contract allows
	Options   json.RawMessage    `json:"options,omitempty"` // protobuf JSON
	Guarantee contract.Guarantee `json:"guarantee"`
	Class     string             `json:"class,omitempty"`
	Flags     []string           `json:"flags,omitempty"`
	Note      string             `json:"note,omitempty"`
	Origin    json.RawMessage    `json:"origin,omitempty"` // of a recorded one: which containerd wrote it, and why

	Payload grammar.Payload `json:"-"`
}

// IndexText is the embedded index.json.
func IndexText() []byte {
	text, _ := files.ReadFile("index.json") // it is embedded
	return text
}

// Load returns the embedded cases, in the order of the index. Its error is that
// the files are not those that the index describes.
func Load() ([]Case, error) { return load(files) }

func load(fsys fs.FS) ([]Case, error) {
	text, err := fs.ReadFile(fsys, "index.json")
	if err != nil {
		return nil, err
	}
	var index struct{ Cases []Case }
	if err := json.Unmarshal(text, &index); err != nil {
		return nil, fmt.Errorf("corpus/index.json: %w", err)
	}
	for i := range index.Cases {
		if err := index.Cases[i].load(fsys); err != nil {
			return nil, err
		}
	}
	return index.Cases, nil
}

// IsVaried reports whether the enumeration has the case's point in many variations: it differs from
// others in a value, or in a fault, alone.
func (c Case) IsVaried() bool {
	return slices.ContainsFunc(c.Flags, func(f string) bool { return f == "Text" || f == "Range" || f == "Damaged" })
}

// load reads the payload, and decodes the right answer.
func (c *Case) load(fsys fs.FS) error {
	b, err := fs.ReadFile(fsys, c.File)
	if sum := Sum(b); err == nil && sum != c.SHA256 {
		err = fmt.Errorf("sha256 %s, want %s", sum, c.SHA256)
	}
	if err != nil {
		return fmt.Errorf("corpus/%s is not what corpus/index.json says (%w): git checkout corpus, or make corpus for "+
			"a new case", c.File, err)
	}
	want, err := c.want()
	if err != nil {
		return fmt.Errorf("corpus/index.json: case %s: %w", c.Name, err)
	}
	c.Payload = grammar.Payload{Bytes: b, Want: want, Description: "corpus/" + c.File}
	return nil
}

// Sum is what SHA256 is of these bytes.
func Sum(b []byte) string { return fmt.Sprintf("%x", sha256.Sum256(b)) }

// Payloads are the bytes of cases.
func Payloads(cases []Case) [][]byte {
	all := make([][]byte, len(cases))
	for i, c := range cases {
		all[i] = c.Payload.Bytes
	}
	return all
}

// want is the right answer, with the others that the contract allows. Fields that
// the linked version of Options lacks are unknown fields to it, and left out.
func (c *Case) want() (want contract.Outcome, err error) {
	opts := new(options.Options)
	if c.Options != nil {
		err = protojson.UnmarshalOptions{DiscardUnknown: true}.Unmarshal(c.Options, opts)
	}
	outcome := func(k contract.Kind) contract.Outcome {
		if k == contract.Options {
			return grammar.Sent(opts)
		}
		return contract.Outcome{Kind: k}
	}
	want = outcome(c.Outcome)
	for _, k := range c.Or {
		want.Or = append(want.Or, outcome(k))
	}
	return want, err
}
