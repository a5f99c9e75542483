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

	"github.com/Microsoft/hcsshim/cmd/containerd-shim-runhcs-v1/options"
	"google.golang.org/protobuf/encoding/protojson"

	"shimfuzz/corpus/table"
	"shimfuzz/internal/contract"
	"shimfuzz/internal/payload"
)

//go:embed index.json ambiguous bootstrap legacy malformed recorded
var files embed.FS

// Case is one payload and the right answer to it.
type Case struct {
	table.Entry
	Payload payload.Payload
}

// Load returns the embedded cases, in the order of the index.
func Load() ([]Case, error) {
	text, err := files.ReadFile(table.IndexFile)
	if err != nil {
		return nil, err
	}
	var index table.Index
	if err := json.Unmarshal(text, &index); err != nil {
		return nil, fmt.Errorf("corpus/%s: %w", table.IndexFile, err)
	}
	cases := make([]Case, 0, len(index.Cases))
	for _, e := range index.Cases {
		c, err := load(e)
		if err != nil {
			return nil, fmt.Errorf("corpus case %s: %w", e.Name, err)
		}
		cases = append(cases, c)
	}
	return cases, nil
}

func load(e table.Entry) (Case, error) {
	b, err := files.ReadFile(e.File)
	if err != nil {
		return Case{}, err
	}
	want, err := want(e)
	return Case{e, payload.Payload{Bytes: b, Want: want, Story: "corpus/" + e.File}}, err
}

// want is the right answer. Fields that the linked version of Options lacks are
// unknown fields to it, and left out.
func want(e table.Entry) (contract.Outcome, error) {
	if e.Outcome != contract.Options {
		return contract.Outcome{Kind: e.Outcome}, nil
	}
	opts := new(options.Options)
	err := protojson.UnmarshalOptions{DiscardUnknown: true}.Unmarshal(e.Options, opts)
	return payload.Sent(opts), err
}
