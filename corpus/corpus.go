// Package corpus holds payloads with the right answer to each: one file of raw
// bytes a case, just as a shim finds them on its standard input, and index.json
// for readers in any language.
//
// The files are written by "make corpus" from the table in corpus/table, which
// is where a case is added. They seed every fuzz target and are replayed on
// every decoder by "make test".
package corpus

import (
	"embed"
	"encoding/json"
	"fmt"
	"io/fs"

	"github.com/Microsoft/hcsshim/cmd/containerd-shim-runhcs-v1/options"
	"google.golang.org/protobuf/encoding/protojson"

	"shimfuzz/corpus/table"
	"shimfuzz/internal/contract"
	"shimfuzz/internal/grammar"
)

//go:embed index.json ambiguous bootstrap legacy malformed recorded
var files embed.FS

// Case is one payload and the right answer to it.
type Case struct {
	table.Case
	Payload grammar.Payload
}

// Load returns the embedded cases, in the order of the index. Its error is that
// the files are not those that the index describes.
func Load() ([]Case, error) { return load(files) }

func load(fsys fs.FS) ([]Case, error) {
	text, err := fs.ReadFile(fsys, table.IndexFile)
	if err != nil {
		return nil, err
	}
	var index struct{ Cases []table.Case }
	if err := json.Unmarshal(text, &index); err != nil {
		return nil, fmt.Errorf("corpus/%s: %w", table.IndexFile, err)
	}
	named := make(map[string]bool)
	cases := make([]Case, 0, len(index.Cases))
	for _, e := range index.Cases {
		if named[e.File] {
			return nil, fmt.Errorf("corpus/%s names %s twice", table.IndexFile, e.File)
		}
		named[e.File] = true
		c, err := loadCase(fsys, e)
		if err != nil {
			return nil, err
		}
		cases = append(cases, c)
	}
	all, err := fs.Glob(fsys, "*/*")
	for _, name := range all {
		if !named[name] { // nothing would run it
			return nil, damaged(name, "no case has it")
		}
	}
	return cases, err
}

func loadCase(fsys fs.FS, e table.Case) (Case, error) {
	b, err := fs.ReadFile(fsys, e.File)
	if err != nil {
		return Case{}, damaged(e.File, err.Error())
	}
	if sum := table.Sum(b); sum != e.SHA256 {
		return Case{}, damaged(e.File, fmt.Sprintf("sha256 %s, want %s", sum, e.SHA256))
	}
	if e.Guarantee.Name == "" {
		return Case{}, fmt.Errorf("corpus/%s: case %s has no guarantee", table.IndexFile, e.Name)
	}
	want, err := want(e)
	if err != nil {
		return Case{}, fmt.Errorf("corpus/%s: case %s: %w", table.IndexFile, e.Name, err)
	}
	return Case{e, grammar.Payload{Bytes: b, Want: want, Description: "corpus/" + e.File}}, nil
}

func damaged(file, how string) error {
	return fmt.Errorf("corpus/%s is not what corpus/%s says (%s): run make corpus, or git checkout corpus", file,
		table.IndexFile, how)
}

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
func want(e table.Case) (contract.Outcome, error) {
	var sent contract.Outcome
	if e.Options != nil {
		opts := new(options.Options)
		if err := (protojson.UnmarshalOptions{DiscardUnknown: true}).Unmarshal(e.Options, opts); err != nil {
			return sent, err
		}
		sent = grammar.Sent(opts)
	}
	outcome := func(k contract.Kind) contract.Outcome {
		if k == contract.Options {
			return sent
		}
		return contract.Outcome{Kind: k}
	}
	want := outcome(e.Outcome)
	for _, k := range e.Or {
		want.Or = append(want.Or, outcome(k))
	}
	return want, nil
}
