package upstream

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/tools/imports"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/reflect/protoreflect"

	"shimfuzz/corpus"
	"shimfuzz/docs"
	"shimfuzz/internal/contract"
	"shimfuzz/internal/gocmd"
	"shimfuzz/internal/reference"
	"shimfuzz/internal/stdin"
	"shimfuzz/internal/wire"
	"shimfuzz/lab/compat/findings"
)

// report is what is written of one finding.
type report struct {
	subject
	program
	module
	Breaks           contract.Guarantee
	Effect           string
	Test             string   // the name of its function
	Affected         []string // programs and releases
	Quoted           []rule
	Payload          string // in Go, a field a line
	Options          string // the right ones of readOptions, and of what decodes like it, in JSON
	version, Release string // on which the test fails
	Output           string // of that
	Diff             string // of the fix
}

// rule is a row or a paragraph of docs/contract.md.
type rule struct{ ID, Text string }

// choose returns the reports of a finding, or of all if it is "", of the subjects that are wanted.
func choose(finding string, wanted func(subject) bool) (chosen []*report, err error) {
	cases, err := corpus.Load()
	if err != nil {
		return nil, err
	}
	known := make(map[string]bool)
	for _, s := range subjects {
		known[s.Finding] = true
		if s.Finding != finding && finding != "" || !wanted(s) {
			continue
		}
		r := newReport(s, cases)
		if r.Quoted, err = quote(s.Rules); err != nil {
			return nil, fmt.Errorf("%s: %w", r.Name, err)
		}
		chosen = append(chosen, r)
	}
	if finding != "" && !known[finding] {
		names := slices.Sorted(maps.Keys(known))
		return nil, fmt.Errorf("FINDING=%s: want one of %s", finding, strings.Join(names, ", "))
	}
	return chosen, nil
}

// word is where a part of a name begins.
var word = regexp.MustCompile(`-\w`)

// newReport describes a finding, without its proof.
func newReport(s subject, cases []corpus.Case) *report {
	f := findings.All[slices.IndexFunc(findings.All, func(f findings.Finding) bool { return f.Name == s.Finding })]
	place, _ := f.In(s.Program)
	r := &report{subject: s, program: programs[cmp.Or(s.like, s.Program)], module: modules[project(s.Program)],
		Breaks: f.Breaks}
	if place.Command == "start" {
		r.Template = "program"
	}
	r.Name, r.Fixed = cmp.Or(s.Name, s.Finding), cmp.Or(s.Fixed, place.Fixed)
	r.Effect = cmp.Or(s.Text.Get("Effect"), f.Effect)
	r.Test = "Test" + word.ReplaceAllStringFunc("-"+r.Name, func(w string) string { return strings.ToUpper(w[1:]) })
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
	_, md := stdin.Family(contract.Stdin, r.payload)
	if r.Program == protobuf {
		md = nil
	}
	r.Payload = inGo(r.payload, md, "")
	if want := reference.Answer(r.payload).Options; want != nil && r.Program == findings.ReadOptions {
		text, _ := protojson.Marshal(want) // options always have a JSON form
		text, _ = json.Marshal(json.RawMessage(text))
		r.Options = string(text) // the same each time, where protojson varies its spaces
	}
	return r
}

// quote finds rules in docs/contract.md.
func quote(ids string) (quoted []rule, err error) {
	for id := range strings.FieldsFuncSeq(ids, func(r rune) bool { return r == ',' || r == ' ' }) {
		text := gocmd.OneLine(docs.Rule(id))
		if text == "" {
			return nil, fmt.Errorf("docs/contract.md has no rule %s", id)
		}
		quoted = append(quoted, rule{id, text})
	}
	return quoted, nil
}

// inGo writes a payload as Go strings, a field a line with its number and name behind it,
// which indent moves to the right.
func inGo(b []byte, md protoreflect.MessageDescriptor, indent string) string {
	var out strings.Builder
	line := func(b []byte, format string, args ...any) {
		fmt.Fprintf(&out, "%s, // "+indent+format+"\n", append([]any{literal(b)}, args...)...)
	}
	fields, rest := wire.Parse(b)
	url, _ := stdin.AnyParts(b)
	for _, f := range fields {
		name, inner := stdin.Field(md, f.Num, url)
		if inner == nil || f.Type != protowire.BytesType {
			line(f.Raw, "%d %s", f.Num, name)
			continue
		}
		line(f.Raw[:len(f.Raw)-len(f.Value)], "%d %s:", f.Num, name)
		out.WriteString(inGo(f.Value, inner, indent+"  "))
	}
	if len(rest) > 0 {
		line(rest, "damaged")
	}
	return out.String()
}

// literal is bytes as a Go string, with the run of one byte in the middle of many as a number.
func literal(b []byte) string {
	middle := len(b) / 2
	if len(b) < 1000 {
		return strconv.QuoteToASCII(string(b))
	}
	filler := string(b[middle])
	head, tail := bytes.TrimRight(b[:middle], filler), bytes.TrimLeft(b[middle:], filler)
	return fmt.Sprintf("%q + strings.Repeat(%q, %d) + %q", head, filler, len(b)-len(head)-len(tail), tail)
}

// testFile is the tests of reports of one program, for a folder of that.
func testFile(reports []*report) ([]byte, error) {
	source := text("header", reports[0])
	for _, r := range reports {
		source = append(source, text(r.Template, r)...)
	}
	return imports.Process("options_test.go", source, nil) // without the imports that they do not need
}

// Source is the report's test, which needs nothing else.
func (r *report) Source() (string, error) {
	source, err := testFile([]*report{r})
	return string(source), err
}
