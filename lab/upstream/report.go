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

	"shimfuzz/lab/compat/findings"
	"shimfuzz/lab/conformance/smaller"

	"github.com/Microsoft/hcsshim/cmd/containerd-shim-runhcs-v1/options"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/emptypb"

	"shimfuzz/corpus"
	"shimfuzz/internal/contract"
	"shimfuzz/internal/grammar"
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
	last    string // the last release that has the finding, where a newer one does not: the fix is that one
	effect  string // if that of the finding is of several projects
	fixed   string // the release with the fix, if it is not the first without the finding
}

// subjects are what reports are written about: each finding in each project that has it,
// but for those in unreported.
var subjects = []subject{
	{"identity-misread", findings.ReadOptions, "answer",
		"runhcs-v1 loses the options of a container whose ID is the name of a type", []string{"R3"}, "",
		"Tell BootstrapParams from an Any by the fields 3 to 9, which only the former has, and not by which of them " +
			"decodes. Options are then taken from an extension whatever the ID and the namespace are.", more{}},
	{"corrupt-legacy-is-default", findings.ReadOptions, "answer",
		"runhcs-v1 starts with default options if the options are damaged", []string{"R4a", "M1"}, "",
		"Return the error of decoding an Any that names the options, and do not go on to BootstrapParams. Such an " +
			"Any often decodes as those, without extensions.", more{}},
	{"foreign-legacy-is-default", findings.ReadOptions, "answer",
		"runhcs-v1 starts with default options if options of another type are sent", []string{"R4c"}, "",
		"Compare the type URL of the Any with the name of the options, and return an error if it is another. Do not " +
			"look the type up among those that are linked in, and do not go on to BootstrapParams.", more{}},
	{"untyped-is-default", findings.ReadOptions, "answer",
		"runhcs-v1 starts with default options if a message without a type is sent", []string{"R4c"}, "",
		"Return an error for an Any without a type URL. Two stray bytes on the standard input are one.", more{}},
	{"foreign-type-panics", findings.Create, "create",
		"A CreateTaskRequest with options of another linked type crashes runhcs-v1, with every task of its pod",
		[]string{"C3", "C4"}, "",
		"Check the type assertion in createInternal and in newHcsTask, as readOptions does since v0.15.0-rc.4. " +
			"Options of another type are then an error of that one request.", more{}},
	{"start-hides-refusal", findings.RunHCS, "program", "runhcs-v1's start succeeds if serve refuses the options", nil,
		"start exits with an error, which has the reason.",
		"After serve has closed its standard output, connect to the pipe that it is to serve. If that fails, return " +
			"an error with what serve has written to panic.log.", more{wrong: "err == nil", payload: []byte{0, 1}}},
	{"debug-type-file-panics", findings.RunHCS, "program", "DebugType FILE crashes runhcs-v1", []string{"O6"},
		"An error that names the unsupported mode, no panic.",
		"Return an error instead of the panic in the switch over the DebugType. The enum of the options has the " +
			"value, so a configuration can.", more{wrong: `err == nil || bytes.Contains(out, []byte("panic: "))`}},
	{"unknown-debug-type-accepted", findings.RunHCS, "program", "runhcs-v1 accepts a DebugType that is not in the enum",
		nil, "An error that names the value.",
		"Return an error that names the value in a default case of the switch over the DebugType. This one is for " +
			"FILE, too.", more{wrong: went}},
	{"log-level-echoed", findings.RunHCS, "program",
		"The error about an invalid log level repeats it twice, however long it is", nil,
		"An error with the start of the level, once.",
		"Leave logrus's error out of the one about the level, because that repeats it, too. Print no more than 100 " +
			"characters of it, with %.100q.",
		more{wrong: `bytes.Contains(out, bytes.Repeat([]byte("x"), 150))`,
			payload: withLevel(strings.Repeat("x", 200))}},
	{"stdin-unlimited", findings.RunHCS, "endless", "runhcs-v1 reads and decodes a standard input of any size",
		[]string{"oversize"}, "An error before all of it is read.",
		"Read one byte more than 32 MiB, which no containerd exceeds, and return an error if it is there. The same " +
			"holds for setLogConfiguration in lcow-v2.", more{}},
	{"log-level-fails-start", findings.RunHCS, "program", "One wrong letter in the log level, and no container starts",
		nil, "A warning, and the default level.",
		"Log a warning if logrus.ParseLevel fails, and keep the level that is set. The same holds for " +
			"setLogConfiguration in lcow-v2.", more{wrong: "!" + went, apart: true}},
	{"lcow-v2-start-hangs", findings.LCOW, "program", "lcow-v2's start waits forever if serve refuses the options", nil,
		"start ends, with an error.",
		"Wait for the end of serve, too, and not for its event alone. If it has ended, start returns an error.",
		more{wrong: "err == nil || ctx.Err() != nil", payload: []byte{0, 1}, apart: true}},
	{"lcow-v2-loses-legacy-options", findings.LCOW, "lcow", "lcow-v2 does not read the options of containerd up to 2.2",
		[]string{"R4a"}, "",
		"Decode the standard input in setLogConfiguration as runhcs-v1's readOptions does, which takes a bare Any, " +
			"too. Tell the two messages apart by the fields 3 to 9, which only BootstrapParams has.",
		more{payload: withLevel("debug"), apart: true}},
	{"lcow-v2-legacy-is-default", findings.LCOW, "lcow",
		"lcow-v2 starts with default options if those of a bare Any are of another type", []string{"R4c"}, "",
		"Decode the standard input in setLogConfiguration as an Any, unless it has one of the fields 3 to 9, which " +
			"only BootstrapParams has. An Any of another type is an error.", more{apart: true}},
	{"group-hides-bad-field-number", protobuf, "protobuf",
		"proto: a field number above 2^29-1 is accepted inside a group", []string{"M4"}, "",
		"Let protowire.ConsumeTag return the error of a field number for those above MaxValidNumber, too. The " +
			"decoder of messages checks this for a field outside of a group, and skips a group with " +
			"ConsumeFieldValue, which does not.", more{}},
	{"end-unread", findings.PkgShim, "pkgshim",
		"pkg/shim drops what stands behind the first 10 MiB of the bootstrap parameters", []string{"S2"},
		"The options, or at least an error.",
		"Read one byte more than the limit, and return an error if it is there. A shim then does not start without " +
			"options that were sent.",
		more{apart: true, wrong: `strings.Contains(out, "started with 0 extensions")`}},
	{"bootstrap-rejected", findings.ReadOptions, "answer", "runhcs-v1 starts no container of containerd 2.3",
		[]string{"R3"}, "",
		"Decode as BootstrapParams what fails to decode as an Any (hcsshim pull request 2868, for issue 2780).",
		more{last: "v0.15.0-rc.3",
			effect: "No container of containerd 2.3 starts: BootstrapParams pass for an Any whose type is the " +
				"container's ID, and there is no such type."}},
	{"foreign-type-panics", findings.ReadOptions, "answer", "Options of another linked type crash runhcs-v1",
		[]string{"R4c"}, "",
		"Check the type assertion in readOptions.", more{last: "v0.15.0-rc.3"}},
	{"fields-dropped", findings.RunHCS, "fields", "runhcs-v1 drops scrub_logs, which CRI sets by default",
		[]string{"R4a"}, "The options as sent, scrub_logs among them.",
		"Add the fields 18 to 20, default_container_annotations, no_inherit_host_timezone and scrub_logs, to the " +
			"message.", more{last: "v0.9.12"}},
	{"damage-ignored", findings.PkgShim, "pkgshim",
		"pkg/shim starts with what it can read of damaged bootstrap parameters", []string{"R3"}, "",
		"Return the error of decoding BootstrapParams, whichever it is.", more{last: "v2.3.7", wrong: started,
			payload: wire.Message{wire.String(1, "web-1"), wire.String(2, "k8s.io"),
				wire.Bytes(8, []byte{1<<3 | 2})}.Encode()}},
	{"legacy-read-as-bootstrap", findings.PkgShim, "pkgshim", "pkg/shim drops the options of containerd up to 2.2",
		[]string{"R4a"}, "The options, or at least an error.",
		"Return an error for BootstrapParams whose ID and namespace are not those of the command line.",
		more{last: "v2.3.7", wrong: started}},
	{"unreadable-is-default", findings.RuncV2, "runc",
		"runc-v2 starts with default options if a newer containerd sends bootstrap parameters", []string{"R3"},
		"The options, or at least an error.",
		"Return the error of reading the options, and take them from an extension of BootstrapParams, too.",
		more{last: "v2.2.9", wrong: `err == nil || !strings.Contains(out, "no-such-cgroup")`,
			payload: bootstrapOfRunc()}},
	{"foreign-legacy-is-default", findings.RuncV2, "runc",
		"runc-v2 starts with default options if options of another type are sent", []string{"R4c"}, "An error.",
		"Return the error of reading the options; containerd 2.3 drops them, too, as its finding " +
			"legacy-read-as-bootstrap.",
		more{last: "v2.2.9", fixed: "v2.4.0",
			wrong: `err == nil || !strings.HasPrefix(out, "io.containerd.runc.v2: ")`}},
	{"bootstrap-rejected", findings.ReadRuntimeOptions, "runtimeoptions",
		"ReadRuntimeOptions refuses what containerd 2.3 and later write to a shim", []string{"R3"},
		"The options, with the cgroup that is sent.",
		"Decode the input as BootstrapParams if it has a version of containerd, which an Any never has, and look for " +
			"the options among the extensions. " +
			"Or say in its documentation that it is not for the standard input of start any more.",
		more{payload: bootstrapOfRunc(), apart: true,
			effect: "A shim that takes its options from ReadRuntimeOptions starts no container of containerd 2.3 and " +
				"later: " +
				"BootstrapParams pass for an Any whose type is the container's ID, and there is no such type."}},
}

// unreported are the findings in a project that have no report, and why.
var unreported = []struct{ finding, project, why string }{
	{"legacy-refused", "containerd", "it is by design since 2.4, whose error says so"},
	{"bootstrap-rejected", "rust-extensions", noCrates},
	{"identity-misread", "rust-extensions", noCrates},
	{"type-url-ignored", "rust-extensions", noCrates},
	{"group-ends-unmatched", "rust-extensions", noCrates},
}

const noCrates = "its crates are not built here, so that a test of them could not be proven"

// started is true of a shim on pkg/shim whose Start was called.
const started = `strings.Contains(out, "started with")`

// bootstrapOfRunc is BootstrapParams with runc's options.
func bootstrapOfRunc() []byte {
	options := wire.Sub(1, wire.String(1, "containerd.runc.v1.Options"), wire.Sub(2, wire.String(3, "no-such-cgroup")))
	return wire.Message{wire.String(1, "web-1"), wire.String(2, "k8s.io"), wire.String(4, "2.3.0"),
		wire.Sub(8, options)}.Encode()
}

// went is true of a serve that has taken the options: it is given no socket.
const went = `bytes.Contains(out, []byte("socket is required"))`

// withLevel is a legacy payload with a log level.
func withLevel(level string) []byte {
	return grammar.PlainAny(contract.OptionsName, wire.Message{wire.String(16, level)}.Encode())
}

const (
	protobuf   = "google.golang.org/protobuf"
	hcsshim    = "github.com/Microsoft/hcsshim"
	containerd = "github.com/containerd/containerd/v2"

	newestContainerd = "v2.4.2"
)

// module is one whose test needs no Windows.
type module struct {
	path, version string // version "" is that of go.mod
	repository    string
	folder        string // of the test
	changed       string // folder of the changes
	changes       []change
}

// modules are by the templates of their tests.
var modules = map[string]module{
	"protobuf": {protobuf, "", "golang/protobuf, the issues of protocolbuffers/protobuf-go", "proto",
		"encoding/protowire", protobufChanges},
	"pkgshim": {containerd, newestContainerd, "containerd/containerd", "pkg/shim", "pkg/shim", pkgShimChanges},
	"runtimeoptions": {containerd, newestContainerd, "containerd/containerd", "pkg/shim", "pkg/shim",
		runtimeOptionsChanges},
	"runc":   {containerd, "", "containerd/containerd", "cmd/containerd-shim-runc-v2", "", nil},
	"fields": {hcsshim, "", "microsoft/hcsshim", shimDir + "/options", "", nil},
}

// project is that of a program, as its name says.
func project(program string) string {
	name, _, _ := strings.Cut(program, " ")
	return name
}

// Fixed is a list for FINDINGS, which leaves out what the patch closes.
func Fixed() string {
	list := findings.Newest
	for _, s := range subjects {
		if s.apart || s.last != "" {
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

// name is that of the report. Where a finding has several, all but the first have the
// name of the program in it.
func (s subject) name() string {
	first := subjects[slices.IndexFunc(subjects, func(o subject) bool { return o.finding == s.finding })]
	if first.program == s.program {
		return s.finding
	}
	_, program, _ := strings.Cut(s.program, " ")
	return s.finding + "-" + strings.ToLower(program)
}

// choose returns the subjects of a finding, all of them if it is "". It is an error, which
// says why, if there are none.
func choose(finding string) (chosen []subject, err error) {
	names := make(map[string]bool)
	for _, s := range subjects {
		if s.finding == finding || finding == "" {
			chosen = append(chosen, s)
		}
		names[s.finding] = true
	}
	if len(chosen) > 0 {
		return chosen, nil
	}
	for _, u := range unreported {
		if u.finding == finding {
			return nil, fmt.Errorf("FINDING=%s: there is no report of it: %s", finding, u.why)
		}
	}
	return nil, fmt.Errorf("FINDING=%s: want one of %s", finding, strings.Join(slices.Sorted(maps.Keys(names)), ", "))
}

// report is what is written of one finding.
type report struct {
	subject
	Name, Title, Test, Effect, Affected, Want, Wrong, Fix, Fixed string
	Repository, Private, Folder, File                            string
	Windows, LCOW, Patch, Hangs                                  bool

	Family, Dump, Bytes, Hex, Options, Command string
	Size                                       int
	Quotes                                     []string

	Release, How, Output string // of the failing test
}

// hcsshimChannel is how to report a crash.
const hcsshimChannel = "A payload crashes the shim: report this through hcsshim's private channel first, a security " +
	"advisory (\"Report a vulnerability\" on the Security page of microsoft/hcsshim) or " +
	"<https://msrc.microsoft.com/create-report>."

// newReport describes a finding, without its proof. docs is the text of the contract.
func newReport(s subject, docs []byte) (*report, error) {
	f := s.of()
	name := s.name()
	r := &report{subject: s, Name: name, Title: s.title, Fix: s.fix, Want: s.want, Wrong: s.wrong,
		Effect: cmp.Or(s.effect, f.Effect), Test: testName(name), File: strings.ReplaceAll(name, "-", "_") + "_test.go"}
	if s.program == protobuf {
		return r, r.ofProtobuf(docs)
	}
	place, _ := f.In(s.program)
	r.Repository, r.Folder, r.Windows, r.Patch, r.Fixed = "microsoft/hcsshim", shimDir, true, !s.apart && s.last == "",
		cmp.Or(s.fixed, place.Fixed)
	r.Affected = s.program + " " + versions(place)
	if s.program == findings.LCOW {
		r.Folder, r.LCOW = lcowDir, true
	}
	for _, program := range []string{findings.RunHCS, findings.LCOW, findings.RuncV2} {
		too, has := f.In(program)
		if has && project(program) == project(s.program) && too.Command == place.Command &&
			!strings.HasSuffix(r.Affected, versions(too)) {
			r.Affected += ", " + program + " " + versions(too)
		}
	}
	r.Hangs = strings.Contains(s.wrong, "ctx.Err()")
	if f.Breaks == contract.NeverPanics {
		r.Private = hcsshimChannel
	}
	in, answer := contract.Stdin, reference.Answer
	if s.program == findings.Create {
		in, answer = contract.Create, reference.CreateAnswer
	} else {
		r.Command = cmp.Or(place.Command, "serve")
	}
	if m, other := modules[s.template]; other {
		r.Repository, r.Folder, r.Windows, r.Patch = m.repository, m.folder, false, false
		if m.path == containerd {
			r.Command = "start"
		}
	}
	shown := s.payload
	if shown == nil {
		var err error
		if shown, err = caseOf(place); err != nil {
			return nil, err
		}
		if place.Payload == nil && place.Command == "" {
			shown = smallest(findings.Of(s.program, s.last), in, shown, answer)
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

// versions says in words which releases have the finding.
func versions(p findings.Place) string {
	if p.Fixed == "" {
		return "since " + p.From
	}
	return "from " + p.From + " to before " + p.Fixed
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
		smaller := slices.Collect(smaller.Of(b))
		if i = slices.IndexFunc(smaller, func(c []byte) bool { return shows(c) == first }); i >= 0 {
			b = smaller[i]
		}
	}
	return b
}

func (r *report) ofProtobuf(docs []byte) (err error) {
	m := modules[r.template]
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
		m := regexp.MustCompile(`(?ms)^(?:- )?\*\*` + id + `\*\* (.*?)(?:\n\n|\n- )|^\| \x60?` + id +
			`\x60? \| ([^\n]*) \|$`).FindSubmatch(docs)
		if m == nil {
			return nil, fmt.Errorf("docs/contract.md has no rule %s", id)
		}
		lines = append(lines, id+": "+strings.Join(strings.Fields(string(m[1])+strings.NewReplacer(". | ", ": ", " | ",
			": ").Replace(string(m[2]))), " "))
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
	files := map[string][]byte{r.Name + ".md": text, r.File: source}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if err := os.WriteFile(filepath.Join(dir, name), files[name], 0o666); err != nil {
			return err
		}
	}
	return nil
}
