package reports

import (
	"bytes"
	"cmp"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/Microsoft/hcsshim/cmd/containerd-shim-runhcs-v1/options"
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
	Name, Test, File         string
	Affected, Rule, Private  string
	Tracker, Folder, Command string
	Windows, LCOW, Patched   bool
	Family, Dump, Bytes, Hex string // of the payload
	Size                     int
	Large                    bool   // the test makes the payload
	Options                  string // the right answer, "" for an error
	Release, How, Output     string // of the failing test
}

// hcsshimChannel is how to report a crash.
const hcsshimChannel = "A payload crashes the shim: report this through hcsshim's private channel first, a security " +
	"advisory (\"Report a vulnerability\" on the Security page of microsoft/hcsshim) or " +
	"<https://msrc.microsoft.com/create-report>."

// newReport describes a finding, without its proof.
func newReport(s subject) (*report, error) {
	f, name := s.of(), s.name()
	place, _ := f.In(s.Program)
	r := &report{subject: s, Name: name, Test: testName(name), File: strings.ReplaceAll(name, "-", "_") + "_test.go",
		Rule: f.Breaks.Text, Tracker: "microsoft/hcsshim", Folder: shimDir, Windows: true,
		Patched: !s.Apart && s.Last == "", LCOW: s.Program == findings.LCOW}
	r.Effect, r.Fixed = cmp.Or(s.Effect, f.Effect), cmp.Or(s.Fixed, place.Fixed)
	if r.LCOW {
		r.Folder = lcowDir
	}
	if m, other := modules[s.kind]; other {
		r.Tracker, r.Folder, r.Windows, r.Patched = m.tracker, m.folder, false, false
		r.Command = map[string]string{containerd: "start", hcsshim: "serve"}[m.path]
	} else if s.Program != findings.Create {
		r.Command = cmp.Or(place.Command, "serve")
	}
	if f.Breaks == contract.NeverPanics {
		r.Private = hcsshimChannel
	}
	var affected []string
	for _, other := range f.Places {
		if project(other.Program) == project(s.Program) && other.Command == place.Command {
			affected = append(affected, other.Program+" "+versions(other))
		}
	}
	r.Affected = cmp.Or(strings.Join(affected, ", "), "every release, "+newestProtobuf+" included")
	payload, err := s.payloadAt(place)
	if err != nil {
		return nil, err
	}
	return r, r.show(payload)
}

// versions says in words which releases have the finding.
func versions(p findings.Place) string {
	if p.Fixed == "" {
		return "since " + p.From
	}
	return "from " + p.From + " to before " + p.Fixed
}

// payloadAt is the payload that shows the finding.
func (s subject) payloadAt(place findings.Place) ([]byte, error) {
	if s.payload != nil {
		return s.payload, nil
	}
	if place.Payload != nil {
		return place.Payload(), nil
	}
	all, err := corpus.Load()
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(all, func(c corpus.Case) bool { return c.Name == place.Case })
	if i < 0 {
		return nil, fmt.Errorf("the corpus has no case %q", place.Case)
	}
	return all[i].Payload.Bytes, nil
}

// show describes the payload and the right answer to it.
func (r *report) show(payload []byte) (err error) {
	in, want := contract.Stdin, reference.Answer
	if r.Program == findings.Create {
		in, want = contract.Create, reference.CreateAnswer
	}
	family, md := stdin.Family(in, payload)
	if r.Program == protobuf {
		family, md = "any message", nil
	}
	r.Family, r.Dump = family, stdin.DumpAs(payload, md)
	if r.Size = len(payload); r.Size > 1<<20 {
		r.Large, r.Bytes, r.Hex = true, "(too long for a report: the test makes it)", `""`
	} else {
		r.Bytes = hex.EncodeToString(payload)
		var lines []string
		for part := range slices.Chunk([]byte(r.Bytes), 100) {
			lines = append(lines, fmt.Sprintf("%q", part))
		}
		r.Hex = strings.Join(lines, " +\n")
	}
	if r.Want != "" {
		return nil
	}
	answer := want(payload)
	r.Want = "An error, `" + string(answer.Kind) + "`."
	if opts, ok := answer.Options.(*options.Options); ok {
		r.Options, err = optionsJSON(opts)
		r.Want = "These options: `" + r.Options + "`."
	}
	return err
}

// optionsJSON is the same each time, unlike what protojson writes.
func optionsJSON(opts *options.Options) (string, error) {
	text, err := protojson.Marshal(opts)
	if err != nil {
		return "", err
	}
	var out bytes.Buffer
	err = json.Compact(&out, text)
	return out.String(), err
}

// testName is that of the test of a finding.
func testName(finding string) string {
	var b strings.Builder
	for part := range strings.SplitSeq(finding, "-") {
		b.WriteString(strings.ToUpper(part[:1]) + part[1:])
	}
	return "Test" + b.String()
}

// source is the test as a Go file.
func (r *report) source() ([]byte, error) { return imports.Process(r.File, text(r.kind, r), nil) }

// put writes the test where it belongs in a copy of its project.
func (r *report) put(dir string) error {
	source, err := r.source()
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, filepath.FromSlash(r.Folder), r.File), source, 0o666)
}

// write writes the report, and the test beside it.
func (r *report) write(dir string) error {
	source, err := r.source()
	return errors.Join(err, os.WriteFile(filepath.Join(dir, r.File), source, 0o666),
		os.WriteFile(filepath.Join(dir, r.Name+".md"), text("report", r), 0o666))
}
