package upstream

import (
	"bytes"
	"cmp"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"go/format"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	gotemplate "text/template"

	"github.com/Microsoft/hcsshim/cmd/containerd-shim-runhcs-v1/options"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/emptypb"

	"shimfuzz/corpus"
	"shimfuzz/internal/contract"
	"shimfuzz/internal/findings"
	"shimfuzz/internal/reference"
	"shimfuzz/internal/stdin"
	"shimfuzz/internal/wire"
)

// subject is what is written about a finding.
type subject struct {
	finding  string
	program  string // whose place of the finding it is
	template string // of the test
	title    string
	rules    []string // of docs/contract.md that give the expected answer, or
	want     string   // the expected behavior, where that is no answer
	fix      string   // two sentences
}

// subjects are the findings that the patch closes, in hcsshim, and the one whose
// defect is protobuf's.
var subjects = []subject{
	{"identity-misread", findings.ReadOptions, "answer", "runhcs-v1 loses the options of a container whose ID is the name of a type", []string{"R3"}, "",
		"Tell BootstrapParams from an Any by the fields 3 to 9, which only the former has, and not by which of them decodes. Options are then taken from an extension whatever the ID and the namespace are."},
	{"corrupt-legacy-is-default", findings.ReadOptions, "answer", "runhcs-v1 starts with default options if the options are damaged", []string{"R4a", "M1"}, "",
		"Return the error of decoding an Any that names the options, and do not go on to BootstrapParams. Such an Any often decodes as those, without extensions."},
	{"foreign-legacy-is-default", findings.ReadOptions, "answer", "runhcs-v1 starts with default options if options of another type are sent", []string{"R4c"}, "",
		"Compare the type URL of the Any with the name of the options, and return an error if it is another. Do not look the type up among those that are linked in, and do not go on to BootstrapParams."},
	{"untyped-is-default", findings.ReadOptions, "answer", "runhcs-v1 starts with default options if a message without a type is sent", []string{"R4c"}, "",
		"Return an error for an Any without a type URL. Two stray bytes on the standard input are one."},
	{"foreign-type-panics", findings.Create, "create", "A CreateTaskRequest with options of another linked type crashes runhcs-v1, with every task of its pod", []string{"C3", "C4"}, "",
		"Check the type assertion in createInternal and in newHcsTask, as readOptions does since v0.15.0-rc.4. Options of another type are then an error of that one request."},
	{"start-hides-refusal", findings.RunHCS, "program", "runhcs-v1's start succeeds if serve refuses the options", nil, "start exits with an error, which has the reason.",
		"After serve has closed its standard output, connect to the pipe that it is to serve. If that fails, return an error with what serve has written to panic.log."},
	{"debug-type-file-panics", findings.RunHCS, "program", "DebugType FILE crashes runhcs-v1", []string{"O6"}, "An error that names the unsupported mode, no panic.",
		"Return an error instead of the panic in the switch over the DebugType. The enum of the options has the value, so a configuration can."},
	{"group-hides-bad-field-number", protobuf, "protobuf", "proto: a field number above 2^29-1 is accepted inside a group", []string{"M4"}, "",
		"Let protowire.ConsumeTag return the error of a field number for those above MaxValidNumber, too. The decoder of messages checks this for a field outside of a group, and skips a group with ConsumeFieldValue, which does not."},
}

const protobuf = "google.golang.org/protobuf"

// Fixed is a list for FINDINGS, which leaves out what the patch closes.
func Fixed() string {
	list := findings.Newest
	for _, s := range subjects {
		list += ",-" + s.finding
		if s.program == protobuf { // in its own decoding, which is lcow-v2's not
			list += "@runhcs-v1"
		}
	}
	return list
}

// choose returns the subjects of a finding, all of them if it is "".
func choose(finding string) ([]subject, error) {
	var names []string
	for _, s := range subjects {
		if s.finding == finding {
			return []subject{s}, nil
		}
		names = append(names, s.finding)
	}
	if finding != "" {
		return nil, fmt.Errorf("FINDING=%s: want one of %s", finding, strings.Join(names, ", "))
	}
	return subjects, nil
}

// report is what is written of one finding.
type report struct {
	subject
	Title, Test, Effect, Affected, Want, Fix string
	Repository, Private, Folder, File        string
	Windows, Patch                           bool

	Family, Dump, Bytes, Hex, Options, Command string
	Size                                       int
	Quotes                                     []string

	Release, How, Output string // of the failing test
}

// hcsshimChannel is how to report a crash.
const hcsshimChannel = "A payload crashes the shim: report this through hcsshim's private channel first, a security advisory (\"Report a vulnerability\" on the Security page of microsoft/hcsshim) or <https://msrc.microsoft.com/create-report>."

// newReport describes a finding, without its proof. docs is the text of the contract.
func newReport(s subject, docs []byte) (*report, error) {
	i := slices.IndexFunc(findings.All, func(f findings.Finding) bool { return f.Name == s.finding })
	f := &findings.All[i]
	r := &report{subject: s, Title: s.title, Fix: s.fix, Want: s.want, Effect: f.Effect, Test: testName(s.finding), File: strings.ReplaceAll(s.finding, "-", "_") + "_test.go"}
	if s.program == protobuf {
		return r, r.ofProtobuf(docs)
	}
	r.Repository, r.Folder, r.Windows, r.Patch = "microsoft/hcsshim", shimDir, true, true
	place, _ := f.In(s.program)
	r.Affected = "hcsshim " + place.Versions()
	if f.Breaks == contract.NeverPanics {
		r.Private = hcsshimChannel
	}
	in, answer := contract.Stdin, reference.Answer
	if s.program == findings.Create {
		in, answer = contract.Create, reference.CreateAnswer
	} else {
		r.Command = cmp.Or(place.Command, "serve")
	}
	payload, err := caseOf(place)
	if err != nil {
		return nil, err
	}
	if place.Command == "" {
		payload = smallest(findings.Of(s.program, ""), in, payload, answer)
	}
	want := answer(payload)
	if r.Want == "" {
		r.Want = "An error, `" + string(want.Kind) + "`."
	}
	if opts, ok := want.Options.(*options.Options); ok && s.template == "answer" {
		if r.Options, err = optionsJSON(opts); err != nil {
			return nil, err
		}
		r.Want = "These options: `" + r.Options + "`."
	}
	r.show(payload, stdin.FamilyName(in, payload), stdin.Dump(in, payload))
	r.Quotes, err = quotes(docs, s.rules)
	if len(s.rules) == 0 {
		r.Quotes = []string{f.Breaks.Text}
	}
	return r, err
}

// smallest makes the payload of a finding smaller, as long as the right answer and the
// predicted one are of the same kinds. An ID and a namespace stay ones that containerd
// allows.
func smallest(l findings.List, in contract.Input, b []byte, answer func([]byte) contract.Outcome) []byte {
	shows := func(b []byte) string {
		want := answer(b)
		f, got := l.Predict(b, want)
		id, namespace := stdin.AnyParts(b)
		if f == nil || stdin.IsBootstrap(b) && !(stdin.IsIdentifier(id) && stdin.IsIdentifier(string(namespace))) {
			return ""
		}
		opts, _ := want.Options.(*options.Options)
		return fmt.Sprint(f.Name, want.Kind, got.Kind, proto.Size(opts) > 0)
	}
	first := shows(b)
	for i := 0; i >= 0 && first != ""; { // a prediction depends on the types that are linked, here the command's
		smaller := slices.Collect(wire.Smaller(b, stdin.Descriptor(in, b), stdin.Inside))
		if i = slices.IndexFunc(smaller, func(c []byte) bool { return shows(c) == first }); i >= 0 {
			b = smaller[i]
		}
	}
	return b
}

func (r *report) ofProtobuf(docs []byte) (err error) {
	r.Repository, r.Folder, r.Affected = "golang/protobuf, the issues of protocolbuffers/protobuf-go", "proto", "every release, v1.36.12 included"
	r.Effect = "Damaged bytes pass for a message. Outside of a group proto.Unmarshal refuses such a field."
	r.Want = "An error, as outside of a group."
	const group = 1
	payload := protowire.AppendTag(nil, group, protowire.StartGroupType)
	payload = protowire.AppendTag(payload, protowire.MaxValidNumber+1, protowire.VarintType)
	payload = protowire.AppendTag(append(payload, 0), group, protowire.EndGroupType)
	r.show(payload, "any message", wire.Dump(payload, (*emptypb.Empty)(nil).ProtoReflect().Descriptor(), nil))
	r.Quotes, err = quotes(docs, r.rules)
	return err
}

func (r *report) show(payload []byte, family, dump string) {
	r.Size, r.Family, r.Dump, r.Bytes = len(payload), family, dump, hex.EncodeToString(payload)
	var lines []string
	for part := range slices.Chunk([]byte(r.Bytes), 100) {
		lines = append(lines, fmt.Sprintf("%q", part))
	}
	r.Hex = strings.Join(lines, " +\n")
}

func caseOf(place findings.Place) ([]byte, error) {
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

// quotes returns rules of the contract, each as one line.
func quotes(docs []byte, ids []string) (lines []string, err error) {
	for _, id := range ids {
		m := regexp.MustCompile(`(?ms)^(?:- )?\*\*` + id + `\*\* (.*?)(?:\n\n|\n- )|^\| ` + id + ` \| ([^\n]*) \|$`).FindSubmatch(docs)
		if m == nil {
			return nil, fmt.Errorf("docs/contract.md has no rule %s", id)
		}
		lines = append(lines, id+": "+strings.Join(strings.Fields(string(m[1])+strings.ReplaceAll(string(m[2]), " | ", ": ")), " "))
	}
	return lines, nil
}

// source is the test as a Go file.
func (r *report) source() ([]byte, error) {
	text, err := execute(r.template+".go.tmpl", r)
	if err != nil {
		return nil, err
	}
	return format.Source(text)
}

func execute(name string, data any) ([]byte, error) {
	t, err := gotemplate.New(name).Parse(template(name))
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	err = t.Execute(&b, data)
	return b.Bytes(), err
}

// write writes the report, and the test beside it.
func (r *report) write(dir string) error {
	text, err := execute("report.md.tmpl", r)
	if err != nil {
		return err
	}
	source, err := r.source()
	if err != nil {
		return err
	}
	files := map[string][]byte{r.finding + ".md": text, r.File: source}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if err := os.WriteFile(filepath.Join(dir, name), files[name], 0o666); err != nil {
			return err
		}
	}
	return nil
}
