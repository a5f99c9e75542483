package upstream

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/tools/imports"
	"google.golang.org/protobuf/encoding/protojson"

	"shimfuzz/corpus"
	"shimfuzz/internal/contract"
	"shimfuzz/internal/reference"
	"shimfuzz/internal/stdin"
	"shimfuzz/lab/compat/findings"
)

// report is what is written of one finding.
type report struct {
	subject
	program
	module
	Breaks                   contract.Guarantee
	Test, File               string
	Affected                 []string // programs and releases, or every one
	Family, Dump, Bytes, Hex string   // of the payload
	Size                     int
	At, Filled               int // where a large payload has how many of the byte Filler, which Bytes leaves out
	Filler                   byte
	Options                  string // the right ones of readOptions, and of what decodes like it, in JSON
	version, Release, Output string // of the failing test
}

// word is where a part of a name begins.
var word = regexp.MustCompile(`-\w`)

// newReport describes a finding, without its proof.
func newReport(s subject, cases []corpus.Case) *report {
	f := findings.All[slices.IndexFunc(findings.All, func(f findings.Finding) bool { return f.Name == s.Finding })]
	place, _ := f.In(s.Program)
	r := &report{subject: s, program: programs[cmp.Or(s.like, s.Program)], module: modules[project(s.Program)],
		Breaks: f.Breaks}
	r.Name, r.Command = cmp.Or(s.Name, s.Finding), cmp.Or(place.Command, r.Command)
	r.Effect, r.Fixed = cmp.Or(s.Effect, f.Effect), cmp.Or(s.Fixed, place.Fixed)
	r.Test = "Test" + word.ReplaceAllStringFunc("-"+r.Name, func(w string) string { return strings.ToUpper(w[1:]) })
	r.File = strings.ReplaceAll(r.Name, "-", "_") + "_test.go"
	r.version = cmp.Or(s.Last, r.newest)
	r.Release = project(s.Program) + " " + r.version
	for _, other := range f.Places {
		if project(other.Program) == project(s.Program) && other.Command == place.Command {
			text := other.Program + " since " + other.From
			if other.Fixed != "" {
				text += ", fixed in " + other.Fixed
			}
			r.Affected = append(r.Affected, text)
		}
	}
	switch {
	case r.payload != nil:
	case place.Payload != nil:
		r.payload = place.Payload()
	default:
		i := slices.IndexFunc(cases, func(c corpus.Case) bool { return c.Name == place.Case })
		r.payload = cases[i].Payload.Bytes
	}
	in := contract.Stdin
	if r.Program == findings.Create {
		in = contract.Create
	}
	family, md := stdin.Family(in, r.payload)
	if r.Program == protobuf {
		family, md = "any message", nil
	}
	r.Family, r.Dump, r.Size = family, stdin.DumpAs(r.payload, md), len(r.payload)
	r.showBytes(r.payload)
	if want := reference.Answer(r.payload).Options; want != nil &&
		(r.Program == findings.ReadOptions || r.Program == findings.LCOW) {
		text, _ := protojson.Marshal(want) // options always have a JSON form
		text, _ = json.Marshal(json.RawMessage(text))
		r.Options = string(text) // the same each time, where protojson varies its spaces
	}
	return r
}

// showBytes writes the payload in hex, and for Go in lines of a hundred digits. From a large
// one it leaves out the run of one byte in its middle.
func (r *report) showBytes(payload []byte) {
	if middle := r.Size / 2; r.Size > 1<<20 {
		r.Filler = payload[middle]
		head := bytes.TrimRight(payload[:middle], string(r.Filler))
		tail := bytes.TrimLeft(payload[middle:], string(r.Filler))
		r.At, r.Filled = len(head), r.Size-len(head)-len(tail)
		payload = slices.Concat(head, tail)
	}
	r.Bytes = fmt.Sprintf("%x", payload)
	r.Hex = `"` + hundred.ReplaceAllString(r.Bytes, "$1\" +\n\"") + `"`
}

// hundred matches before the end of a text, so that no line is empty.
var hundred = regexp.MustCompile(`(.{100})\B`)

// write writes the report, and the test beside it.
func (r *report) write(dir string) error {
	source, err := imports.Process(r.File, text(r.Template, r), nil)
	return errors.Join(err, os.WriteFile(filepath.Join(dir, r.File), source, 0o666),
		os.WriteFile(filepath.Join(dir, r.Name+".md"), text("report", r), 0o666))
}
