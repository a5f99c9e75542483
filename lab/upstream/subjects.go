package upstream

import (
	"bytes"
	"cmp"
	"net/mail"
	"strings"

	"shimfuzz/internal/contract"
	"shimfuzz/internal/grammar"
	"shimfuzz/internal/wire"
	"shimfuzz/lab/compat/findings"
)

// subject is what is written about a finding.
type subject struct {
	Finding string
	Program string      // whose place of the finding it is
	Name    string      // of the report, if it is not the finding's
	like    string      // the program that it is tested like, if it is not Program
	Text    mail.Header // Title, Reach, Fix, Commit, and what becomes Stricter, of texts.tmpl
	Rules   string      // of docs/contract.md that give the expected answer
	changes []change    // that fix it
	apart   bool        // they are in the patch only if they are asked for

	Wrong   string // of a program: what is true of its out, besides err == nil, if it has the finding, in Go
	payload []byte // if that of the finding is too large, or does not show
	Last    string // the last release that has the finding, where a newer one does not: the fix is that one
	Fixed   string // the release with the fix, if it is not the first without the finding

	unreported string // why there is no report of it
}

// described gives subjects their texts.
func described(all []subject) []subject {
	for i, s := range all {
		if s.unreported != "" {
			continue
		}
		fields := bytes.TrimSpace(text(cmp.Or(s.Name, s.Finding), nil))
		m, err := mail.ReadMessage(bytes.NewReader(append(fields, "\n\n"...)))
		if err != nil {
			panic(err) // it is in memory
		}
		all[i].Text = m.Header
	}
	return all
}

// subjects are each finding in each project that has it. Those of the patch are in its order.
var subjects = described([]subject{
	{Finding: "identity-misread", Program: findings.ReadOptions, Rules: "R3",
		payload: wire.Message{wire.String(1, contract.OptionsName), wire.String(2, "inference"),
			wire.String(4, "2.3.7"), wire.Sub(8, wire.Sub(1, wire.String(1, contract.OptionsName),
				wire.Sub(2, wire.Varint(6, 1))))}.Encode(),
		changes: recognized(change{dir: shimDir, old: readsAny + ` \{`, new: "$1 && !bootstrap {"})},
	{Finding: "corrupt-legacy-is-default", Program: findings.ReadOptions, Rules: "R4a, M1",
		changes: recognized(to(shimDir, `\t\treturn opts, nil\n\t}`, "corrupt"))},
	{Finding: "foreign-legacy-is-default", Program: findings.ReadOptions, Rules: "R4c",
		changes: recognized(to(shimDir, readsAny, "foreign"))},
	{Finding: "untyped-is-default", Program: findings.ReadOptions, Rules: "R4c",
		changes: recognized(to(shimDir, readsAny, "untyped"))},
	{Finding: "stdin-unlimited", Program: findings.RunHCS, like: findings.ReadOptions, Rules: "oversize",
		changes: []change{to(shimDir, `\td, err := io\.ReadAll\(r\)\n`, "limit stdin")}},
	{Finding: "foreign-type-panics", Program: findings.Create, Rules: "C3, C4",
		changes: []change{to(shimDir, `\t\tshimOpts = v\.\(\*runhcsopts\.Options\)\n`, "assertion")}},
	{Finding: "start-hides-refusal", Program: findings.RunHCS, payload: []byte{0, 1},
		changes: []change{to(shimDir, `\t\t\tpid = cmd\.Process\.Pid\n`, "start")}},
	{Finding: "debug-type-file-panics", Program: findings.RunHCS, Rules: "O6",
		Wrong: `strings.Contains(out, "panic: ")`,
		changes: []change{{dir: shimDir, old: `panic\(("file log output mode is not supported")\)`,
			new: `return errors.New($1)`}}},
	{Finding: "unknown-debug-type-accepted", Program: findings.RunHCS, Wrong: went,
		changes: []change{{dir: shimDir, old: `\t\t}\n\n\t\tos\.Stdin\.Close\(\)\n`,
			new: "\t\tdefault:\n\t\t\treturn errors.Errorf(\"debug type %v is unknown\", shimOpts.DebugType)\n$0"}}},
	{Finding: "log-level-echoed", Program: findings.RunHCS,
		payload: withLevel(strings.Repeat("x", 200)), Wrong: `strings.Contains(out, strings.Repeat("x", 150))`,
		changes: []change{{dir: shimDir, old: `errors\.Wrapf\(err, "failed to parse shim log level %q"`,
			new: `errors.Errorf("failed to parse shim log level %.100q"`}}},
	{Finding: "log-level-fails-start", Program: findings.RunHCS, apart: true, Wrong: "!" + went,
		changes: []change{{dir: shimDir, old: `\t\t\t\treturn (errors\.\w+\(.*"failed to parse shim log level .*\))\n`,
			new: "\t\t\t\tlogrus.Warn($1)\n\t\t\t\tlvl = logrus.GetLevel()\n"}}},
	{Finding: "lcow-v2-start-hangs", Program: findings.LCOW, apart: true,
		payload: []byte{0, 1}, Wrong: "ctx.Err() != nil",
		changes: []change{to(lcowDir, `\t// Block until .*\n.*WaitForSingleObject\(.*\n`, "lcow start")}},
	{Finding: "lcow-v2-loses-legacy-options", Program: findings.LCOW, apart: true, Rules: "R4a",
		payload: withLevel("no-such-level"), Wrong: `!strings.Contains(out, "no-such-level")`,
		changes: lcowRecognized("lcow legacy")},
	{Finding: "lcow-v2-legacy-is-default", Program: findings.LCOW, apart: true, Rules: "R4c",
		changes: lcowRecognized("lcow foreign")},
	{Finding: "group-hides-bad-field-number", Program: protobuf, Rules: "M4", payload: badGroup,
		changes: []change{{dir: "encoding/protowire", old: `num < MinValidNumber`,
			new: "num < MinValidNumber || num > MaxValidNumber"}}},
	{Finding: "end-unread", Program: findings.PkgShim, Rules: "S2",
		Wrong:   `strings.Contains(out, "started with 0 extensions")`,
		changes: []change{to("pkg/shim", `\tinput, err := io\.ReadAll\(io\.LimitReader\(os\.Stdin, .*\n`, "limit")}},
	{Finding: "bootstrap-rejected", Program: findings.ReadOptions, Rules: "R3", Last: "v0.15.0-rc.3"},
	{Finding: "foreign-type-panics", Program: findings.ReadOptions, Name: "foreign-type-panics-readoptions",
		Rules: "R4c", Last: "v0.15.0-rc.3"},
	{Finding: "fields-dropped", Program: findings.RunHCS, like: optionsPackage, Rules: "R4a", Last: "v0.9.12"},
	{Finding: "damage-ignored", Program: findings.PkgShim, Rules: "R3", Last: "v2.3.7", Wrong: started,
		payload: wire.Message{wire.String(1, "web-1"), wire.String(2, "k8s.io"),
			wire.Bytes(8, []byte{1<<3 | 2})}.Encode()},
	{Finding: "legacy-read-as-bootstrap", Program: findings.PkgShim, Rules: "R4a", Last: "v2.3.7", Wrong: started},
	{Finding: "unreadable-is-default", Program: findings.RuncV2, Rules: "R3", Last: "v2.2.9",
		payload: bootstrapOfRunc(), Wrong: `!strings.Contains(out, "no-such-cgroup")`},
	{Finding: "foreign-legacy-is-default", Program: findings.RuncV2, Name: "foreign-legacy-is-default-runc-v2",
		Rules: "R4c", Last: "v2.2.9", Fixed: "v2.4.0", Wrong: `!strings.HasPrefix(out, "io.containerd.runc.v2: ")`},
	{Finding: "bootstrap-rejected", Program: findings.ReadRuntimeOptions, Rules: "R3",
		Name:    "bootstrap-rejected-readruntimeoptions",
		payload: bootstrapOfRunc(),
		changes: []change{to("pkg/shim", `(?s)(\t"github.com/containerd/ttrpc".*)\tvar any types.*?\n`, "bootstrap")}},
	{Finding: "legacy-refused", Program: findings.PkgShim,
		unreported: "it is by design since 2.4, whose error says so"},
	{Finding: "bootstrap-rejected", Program: findings.RustExtensions, unreported: noCrates},
	{Finding: "identity-misread", Program: findings.RustExtensions, unreported: noCrates},
	{Finding: "type-url-ignored", Program: findings.RustExtensions, unreported: noCrates},
	{Finding: "group-ends-unmatched", Program: findings.RustExtensions, unreported: noCrates},
})

const noCrates = "its crates are not built here, so that a test of them could not be proven"

// started is true of a shim on pkg/shim whose Start was called.
const started = `strings.Contains(out, "started with")`

// went is true of a serve that has taken the options: it is given no socket.
const went = `strings.Contains(out, "socket is required")`

// badGroup is a group that has a field with a number one too large.
var badGroup = []byte{1<<3 | 3, 0x80, 0x80, 0x80, 0x80, 0x10, 0, 1<<3 | 4}

// bootstrapOfRunc is BootstrapParams with runc's options.
func bootstrapOfRunc() []byte {
	options := wire.Sub(1, wire.String(1, "containerd.runc.v1.Options"), wire.Sub(2, wire.String(3, "no-such-cgroup")))
	return wire.Message{wire.String(1, "web-1"), wire.String(2, "k8s.io"), wire.String(4, "2.3.0"),
		wire.Sub(8, options)}.Encode()
}

// withLevel is a legacy payload with a log level.
func withLevel(level string) []byte {
	return grammar.PlainAny(contract.OptionsName, wire.Message{wire.String(16, level)}.Encode())
}

// The folders of the shims in hcsshim, and the package of their options.
const (
	shimDir        = "cmd/containerd-shim-runhcs-v1"
	lcowDir        = "cmd/containerd-shim-lcow-v2"
	optionsPackage = shimDir + "/options"
)

// module is what a project releases.
type module struct{ path, newest, Tracker string }

const hcsshim = "github.com/Microsoft/hcsshim"

// protobuf is a project, and its only program.
const protobuf = "google.golang.org/protobuf"

var modules = map[string]module{
	"hcsshim":    {hcsshim, findings.Newest, "microsoft/hcsshim"},
	"containerd": {"github.com/containerd/containerd/v2", findings.NewestContainerd, "containerd/containerd"},
	protobuf:     {protobuf, "v1.36.12", "golang/protobuf, the issues of protocolbuffers/protobuf-go"},
}

// program is how the findings of a program are tested.
type program struct {
	OS       string // that it needs
	Folder   string // of the test, in the module
	Tag      string // that its build needs
	Package  string // of the test
	Template string // of the test
}

// programs are all that have findings, by their names. A test of readOptions alone is run on
// any system.
var programs = map[string]program{
	findings.ReadOptions:        {"windows", shimDir, "", "main", "answer"},
	findings.Create:             {"windows", shimDir, "", "main", "create"},
	findings.RunHCS:             {"windows", shimDir, "", "main", "serve"},
	findings.LCOW:               {"windows", lcowDir, "lcow", "main", "serve"},
	optionsPackage:              {"", optionsPackage, "", "options_test", "fields"},
	findings.RuncV2:             {"linux", "cmd/containerd-shim-runc-v2", "", "main", "program"},
	findings.PkgShim:            {"", "pkg/shim", "", "shim_test", "program"},
	findings.ReadRuntimeOptions: {"", "pkg/shim", "", "shim_test", "runtimeoptions"},
	protobuf:                    {"", "proto", "", "proto_test", "message"},
}

// project is that of a program, as its name says.
func project(program string) string {
	name, _, _ := strings.Cut(program, " ")
	return name
}
