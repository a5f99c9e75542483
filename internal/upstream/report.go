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
	"shimfuzz/internal/payload"
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
	more
}

// more is what only some subjects have.
type more struct {
	wrong   string // of a program: what is true of its err and out if it has the finding, in Go
	payload []byte // if that of the finding is too large, or does not show
	apart   bool   // the fix is not in the patch
}

// subjects are the findings of hcsshim that have a fix, and those of other modules.
var subjects = []subject{
	{"identity-misread", findings.ReadOptions, "answer", "runhcs-v1 loses the options of a container whose ID is the name of a type", []string{"R3"}, "",
		"Tell BootstrapParams from an Any by the fields 3 to 9, which only the former has, and not by which of them decodes. Options are then taken from an extension whatever the ID and the namespace are.", more{}},
	{"corrupt-legacy-is-default", findings.ReadOptions, "answer", "runhcs-v1 starts with default options if the options are damaged", []string{"R4a", "M1"}, "",
		"Return the error of decoding an Any that names the options, and do not go on to BootstrapParams. Such an Any often decodes as those, without extensions.", more{}},
	{"foreign-legacy-is-default", findings.ReadOptions, "answer", "runhcs-v1 starts with default options if options of another type are sent", []string{"R4c"}, "",
		"Compare the type URL of the Any with the name of the options, and return an error if it is another. Do not look the type up among those that are linked in, and do not go on to BootstrapParams.", more{}},
	{"untyped-is-default", findings.ReadOptions, "answer", "runhcs-v1 starts with default options if a message without a type is sent", []string{"R4c"}, "",
		"Return an error for an Any without a type URL. Two stray bytes on the standard input are one.", more{}},
	{"foreign-type-panics", findings.Create, "create", "A CreateTaskRequest with options of another linked type crashes runhcs-v1, with every task of its pod", []string{"C3", "C4"}, "",
		"Check the type assertion in createInternal and in newHcsTask, as readOptions does since v0.15.0-rc.4. Options of another type are then an error of that one request.", more{}},
	{"start-hides-refusal", findings.RunHCS, "program", "runhcs-v1's start succeeds if serve refuses the options", nil, "start exits with an error, which has the reason.",
		"After serve has closed its standard output, connect to the pipe that it is to serve. If that fails, return an error with what serve has written to panic.log.", more{wrong: "err == nil", payload: []byte{0, 1}}},
	{"debug-type-file-panics", findings.RunHCS, "program", "DebugType FILE crashes runhcs-v1", []string{"O6"}, "An error that names the unsupported mode, no panic.",
		"Return an error instead of the panic in the switch over the DebugType. The enum of the options has the value, so a configuration can.", more{wrong: `err == nil || bytes.Contains(out, []byte("panic: "))`}},
	{"unknown-debug-type-accepted", findings.RunHCS, "program", "runhcs-v1 accepts a DebugType that is not in the enum", nil, "An error that names the value.",
		"Return an error that names the value in a default case of the switch over the DebugType. This one is for FILE, too.", more{wrong: went}},
	{"log-level-echoed", findings.RunHCS, "program", "The error about an invalid log level repeats it twice, however long it is", nil, "An error with the start of the level, once.",
		"Leave logrus's error out of the one about the level, because that repeats it, too. Print no more than 100 characters of it, with %.100q.",
		more{wrong: `bytes.Contains(out, bytes.Repeat([]byte("x"), 150))`, payload: withLevel(strings.Repeat("x", 200))}},
	{"stdin-unlimited", findings.RunHCS, "endless", "runhcs-v1 reads and decodes a standard input of any size", []string{"oversize"}, "An error before all of it is read.",
		"Read one byte more than 32 MiB, which no containerd exceeds, and return an error if it is there. The same holds for setLogConfiguration in lcow-v2.", more{}},
	{"log-level-fails-start", findings.RunHCS, "program", "One wrong letter in the log level, and no container starts", nil, "A warning, and the default level.",
		"Log a warning if logrus.ParseLevel fails, and keep the level that is set. The same holds for setLogConfiguration in lcow-v2.", more{wrong: "!" + went, apart: true}},
	{"lcow-v2-start-hangs", findings.LCOW, "program", "lcow-v2's start waits forever if serve refuses the options", nil, "start ends, with an error.",
		"Wait for the end of serve, too, and not for its event alone. If it has ended, start returns an error.", more{wrong: "err == nil || ctx.Err() != nil", payload: []byte{0, 1}, apart: true}},
	{"lcow-v2-loses-legacy-options", findings.LCOW, "lcow", "lcow-v2 does not read the options of containerd up to 2.2", []string{"R4a"}, "",
		"Decode the standard input in setLogConfiguration as runhcs-v1's readOptions does, which takes a bare Any, too. Tell the two messages apart by the fields 3 to 9, which only BootstrapParams has.",
		more{payload: withLevel("debug"), apart: true}},
	{"lcow-v2-legacy-is-default", findings.LCOW, "lcow", "lcow-v2 starts with default options if those of a bare Any are of another type", []string{"R4c"}, "",
		"Decode the standard input in setLogConfiguration as an Any, unless it has one of the fields 3 to 9, which only BootstrapParams has. An Any of another type is an error.", more{apart: true}},
	{"group-hides-bad-field-number", protobuf, "protobuf", "proto: a field number above 2^29-1 is accepted inside a group", []string{"M4"}, "",
		"Let protowire.ConsumeTag return the error of a field number for those above MaxValidNumber, too. The decoder of messages checks this for a field outside of a group, and skips a group with ConsumeFieldValue, which does not.", more{}},
	{"end-unread", findings.PkgShim, "pkgshim", "pkg/shim drops what stands behind the first 10 MiB of the bootstrap parameters", []string{"S2"}, "The options, or at least an error.",
		"Read one byte more than the limit, and return an error if it is there. A shim then does not start without options that were sent.", more{apart: true}},
}

// went is true of a serve that has taken the options: it is given no socket.
const went = `bytes.Contains(out, []byte("socket is required"))`

// withLevel is a legacy payload with a log level.
func withLevel(level string) []byte {
	return payload.PlainAny(contract.OptionsName, wire.Message{wire.String(16, level)}.Encode())
}

const protobuf = "google.golang.org/protobuf"

// module is another one than hcsshim that has a finding.
type module struct {
	path, version string // version "" is that of go.mod
	repository    string
	folder        string // of the test
	fixed         string // folder of the changes
	changes       []change
}

// modules are by the programs of the findings.
var modules = map[string]module{
	protobuf:         {protobuf, "", "golang/protobuf, the issues of protocolbuffers/protobuf-go", "proto", "encoding/protowire", protobufChanges},
	findings.PkgShim: {"github.com/containerd/containerd/v2", "v2.4.2", "containerd/containerd", "pkg/shim", "pkg/shim", pkgShimChanges},
}

// Fixed is a list for FINDINGS, which leaves out what the patch closes.
func Fixed() string {
	list := findings.Newest
	for _, s := range subjects {
		if s.apart {
			continue
		}
		list += ",-" + s.finding
		if _, too := s.of().In(findings.LCOW); too { // which the patch does not change
			list += "@runhcs-v1"
		}
	}
	return list
}

// of returns the finding.
func (s subject) of() *findings.Finding {
	i := slices.IndexFunc(findings.All, func(f findings.Finding) bool { return f.Name == s.finding })
	return &findings.All[i]
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
	Title, Test, Effect, Affected, Want, Wrong, Fix string
	Repository, Private, Folder, File               string
	Windows, LCOW, Patch                            bool

	Family, Dump, Bytes, Hex, Options, Command string
	Size                                       int
	Quotes                                     []string

	Release, How, Output string // of the failing test
}

// hcsshimChannel is how to report a crash.
const hcsshimChannel = "A payload crashes the shim: report this through hcsshim's private channel first, a security advisory (\"Report a vulnerability\" on the Security page of microsoft/hcsshim) or <https://msrc.microsoft.com/create-report>."

// newReport describes a finding, without its proof. docs is the text of the contract.
func newReport(s subject, docs []byte) (*report, error) {
	f := s.of()
	r := &report{subject: s, Title: s.title, Fix: s.fix, Want: s.want, Wrong: s.wrong, Effect: f.Effect, Test: testName(s.finding), File: strings.ReplaceAll(s.finding, "-", "_") + "_test.go"}
	if s.program == protobuf {
		return r, r.ofProtobuf(docs)
	}
	r.Repository, r.Folder, r.Windows, r.Patch = "microsoft/hcsshim", shimDir, true, !s.apart
	place, _ := f.In(s.program)
	r.Affected = s.program + " " + place.Versions()
	if lcow, too := f.In(findings.LCOW); s.program == findings.LCOW {
		r.Folder, r.LCOW = lcowDir, true
	} else if too {
		r.Affected += ", " + findings.LCOW + " " + lcow.Versions()
	}
	if f.Breaks == contract.NeverPanics {
		r.Private = hcsshimChannel
	}
	in, answer := contract.Stdin, reference.Answer
	if s.program == findings.Create {
		in, answer = contract.Create, reference.CreateAnswer
	} else {
		r.Command = cmp.Or(place.Command, "serve")
	}
	if m, other := modules[s.program]; other {
		r.Repository, r.Folder, r.Command, r.Windows = m.repository, m.folder, "start", false
	}
	shown := s.payload
	if shown == nil {
		var err error
		if shown, err = caseOf(place); err != nil {
			return nil, err
		}
		if place.Payload == nil && place.Command == "" {
			shown = smallest(findings.Of(s.program, ""), in, shown, answer)
		}
	}
	want := answer(shown)
	if r.Want == "" {
		r.Want = "An error, `" + string(want.Kind) + "`."
	}
	var err error
	if opts, ok := want.Options.(*options.Options); ok && s.want == "" {
		if r.Options, err = optionsJSON(opts); err != nil {
			return nil, err
		}
		r.Want = "These options: `" + r.Options + "`."
	}
	r.show(shown, stdin.FamilyName(in, shown), stdin.Dump(in, shown))
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
	m := modules[protobuf]
	r.Repository, r.Folder, r.Affected = m.repository, m.folder, "every release, v1.36.12 included"
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
	r.Size, r.Family, r.Dump = len(payload), family, dump
	if r.Size > 1<<20 {
		r.Bytes = "(too long for a report: the test makes it)"
		return
	}
	r.Bytes = hex.EncodeToString(payload)
	var lines []string
	for part := range slices.Chunk([]byte(r.Bytes), 100) {
		lines = append(lines, fmt.Sprintf("%q", part))
	}
	r.Hex = strings.Join(lines, " +\n")
}

func caseOf(place findings.Place) ([]byte, error) {
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
		m := regexp.MustCompile(`(?ms)^(?:- )?\*\*` + id + `\*\* (.*?)(?:\n\n|\n- )|^\| \x60?` + id + `\x60? \| ([^\n]*) \|$`).FindSubmatch(docs)
		if m == nil {
			return nil, fmt.Errorf("docs/contract.md has no rule %s", id)
		}
		lines = append(lines, id+": "+strings.Join(strings.Fields(string(m[1])+strings.NewReplacer(". | ", ": ", " | ", ": ").Replace(string(m[2]))), " "))
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
