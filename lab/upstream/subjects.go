package upstream

import (
	"strings"

	"shimfuzz/internal/contract"
	"shimfuzz/internal/grammar"
	"shimfuzz/internal/wire"
	"shimfuzz/lab/compat/findings"
)

// subject is what is written about a finding.
type subject struct {
	Finding string
	Program string // whose place of the finding it is
	Name    string // of the report, if it is not the finding's
	like    string // the program that it is tested like, if it is not Program
	Title   string
	Rules   string // of docs/contract.md that give the expected answer
	Fix     string

	Wrong   string // of a program: what is true of its out, besides err == nil, if it has the finding, in Go
	payload []byte // if that of the finding is too large, or does not show
	Apart   bool   // the fix is not in the patch
	Last    string // the last release that has the finding, where a newer one does not: the fix is that one
	Effect  string // if that of the finding is of several projects
	Fixed   string // the release with the fix, if it is not the first without the finding

	unreported string // why there is no report of it
}

// What several reports say.
const (
	noContainer = "No container of containerd 2.3 or later starts: BootstrapParams pass for an Any whose type is the " +
		"container's ID, and there is no such type."
	tellByField = "the fields 3 to 9, which only BootstrapParams has"
)

// subjects are each finding in each project that has it.
var subjects = []subject{
	{Finding: "identity-misread", Program: findings.ReadOptions, Rules: "R3",
		Title: "runhcs-v1 loses the options of a container whose ID is the name of a type",
		Fix:   "Tell BootstrapParams from an Any by " + tellByField + ", and not by which of them decodes."},
	{Finding: "corrupt-legacy-is-default", Program: findings.ReadOptions, Rules: "R4a, M1",
		Title: "runhcs-v1 starts with default options if the options are damaged",
		Fix:   "Return the error of decoding an Any that names the options, and do not go on to BootstrapParams."},
	{Finding: "foreign-legacy-is-default", Program: findings.ReadOptions, Rules: "R4c",
		Title: "runhcs-v1 starts with default options if options of another type are sent",
		Fix: "Compare the type URL of the Any with the name of the options, and return an error if it is another, " +
			"whether that type is linked in or not."},
	{Finding: "untyped-is-default", Program: findings.ReadOptions, Rules: "R4c",
		Title: "runhcs-v1 starts with default options if a message without a type is sent",
		Fix:   "Return an error for an Any without a type URL. Two stray bytes on the standard input are one."},
	{Finding: "foreign-type-panics", Program: findings.Create, Rules: "C3, C4",
		Title: "A CreateTaskRequest with options of another linked type crashes runhcs-v1, with every task of its pod",
		Fix:   "Check the type assertion in createInternal and in newHcsTask, as readOptions does since v0.15.0-rc.4."},
	{Finding: "start-hides-refusal", Program: findings.RunHCS, payload: []byte{0, 1},
		Title: "runhcs-v1's start succeeds if serve refuses the options",
		Fix: "After serve has closed its standard output, connect to the pipe that it is to serve. If that fails, " +
			"return an error with what serve has written to panic.log."},
	{Finding: "debug-type-file-panics", Program: findings.RunHCS, Rules: "O6",
		Title: "DebugType FILE crashes runhcs-v1", Wrong: `strings.Contains(out, "panic: ")`,
		Fix: "Return an error instead of the panic in the switch over the DebugType."},
	{Finding: "unknown-debug-type-accepted", Program: findings.RunHCS,
		Title: "runhcs-v1 accepts a DebugType that is not in the enum", Wrong: went,
		Fix: "Return an error that names the value in a default case of the switch over the DebugType."},
	{Finding: "log-level-echoed", Program: findings.RunHCS,
		Title:   "The error about an invalid log level repeats it twice, however long it is",
		payload: withLevel(strings.Repeat("x", 200)), Wrong: `strings.Contains(out, strings.Repeat("x", 150))`,
		Fix: "Leave logrus's error out of the one about the level, and print no more of that than %.100q does."},
	{Finding: "stdin-unlimited", Program: findings.RunHCS, like: findings.ReadOptions, Rules: "oversize",
		Title: "runhcs-v1 reads and decodes a standard input of any size",
		Fix: "Read one byte more than 32 MiB, which no containerd exceeds, and return an error if it is there. " +
			"The same holds for setLogConfiguration in lcow-v2."},
	{Finding: "log-level-fails-start", Program: findings.RunHCS, Apart: true,
		Title: "One wrong letter in the log level, and no container starts", Wrong: "!" + went,
		Fix: "Log a warning if logrus.ParseLevel fails, and keep the level that is set. The same holds for " +
			"setLogConfiguration in lcow-v2."},
	{Finding: "lcow-v2-start-hangs", Program: findings.LCOW, Apart: true, payload: []byte{0, 1},
		Title: "lcow-v2's start waits forever if serve refuses the options", Wrong: "ctx.Err() != nil",
		Fix: "Wait for the end of serve, too, and not for its event alone. If it has ended, return an error."},
	{Finding: "lcow-v2-loses-legacy-options", Program: findings.LCOW, Rules: "R4a", Apart: true,
		Title: "lcow-v2 does not read the options of containerd up to 2.2", payload: withLevel("no-such-level"),
		Wrong: `!strings.Contains(out, "no-such-level")`,
		Fix: "Take a bare Any in setLogConfiguration, too. Tell the two messages apart by " + tellByField + ". The " +
			"error about this log level then shows that the options arrive."},
	{Finding: "lcow-v2-legacy-is-default", Program: findings.LCOW, Rules: "R4c", Apart: true,
		Title: "lcow-v2 starts with default options if those of a bare Any are of another type",
		Fix: "Decode the standard input in setLogConfiguration as an Any, unless it has one of " + tellByField +
			". An Any of another type is an error."},
	{Finding: "group-hides-bad-field-number", Program: protobuf, Rules: "M4",
		Title: "proto: a field number above 2^29-1 is accepted inside a group", payload: badGroup,
		Effect: "Damaged bytes pass for a message. Outside of a group proto.Unmarshal refuses such a field.",
		Fix: "Let protowire.ConsumeTag return the error of a field number for those above MaxValidNumber, too: " +
			"groups are skipped with ConsumeFieldValue, which does not check that."},
	{Finding: "end-unread", Program: findings.PkgShim, Rules: "S2", Apart: true,
		Title: "pkg/shim drops what stands behind the first 10 MiB of the bootstrap parameters",
		Wrong: `strings.Contains(out, "started with 0 extensions")`,
		Fix:   "Read one byte more than the limit, and return an error if it is there."},
	{Finding: "bootstrap-rejected", Program: findings.ReadOptions, Rules: "R3", Last: "v0.15.0-rc.3",
		Title: "runhcs-v1 starts no container of containerd 2.3", Effect: noContainer,
		Fix: "Decode as BootstrapParams what fails to decode as an Any (hcsshim pull request 2868, for issue 2780)."},
	{Finding: "foreign-type-panics", Program: findings.ReadOptions, Name: "foreign-type-panics-readoptions",
		Title: "Options of another linked type crash runhcs-v1", Rules: "R4c", Last: "v0.15.0-rc.3",
		Fix: "Check the type assertion in readOptions."},
	{Finding: "fields-dropped", Program: findings.RunHCS, like: optionsPackage, Rules: "R4a", Last: "v0.9.12",
		Title: "runhcs-v1 drops scrub_logs, which CRI sets by default",
		Fix:   "Add the fields 18 to 20 to the message."},
	{Finding: "damage-ignored", Program: findings.PkgShim, Rules: "R3", Last: "v2.3.7",
		Title: "pkg/shim starts with what it can read of damaged bootstrap parameters", Wrong: started,
		payload: wire.Message{wire.String(1, "web-1"), wire.String(2, "k8s.io"),
			wire.Bytes(8, []byte{1<<3 | 2})}.Encode(),
		Fix: "Return the error of decoding BootstrapParams, whichever it is."},
	{Finding: "legacy-read-as-bootstrap", Program: findings.PkgShim, Rules: "R4a", Last: "v2.3.7",
		Title: "pkg/shim drops the options of containerd up to 2.2", Wrong: started,
		Fix: "Return an error for BootstrapParams whose ID and namespace are not those of the command line."},
	{Finding: "unreadable-is-default", Program: findings.RuncV2, Rules: "R3", Last: "v2.2.9",
		Title:   "runc-v2 starts with default options if a newer containerd sends bootstrap parameters",
		payload: bootstrapOfRunc(), Wrong: `!strings.Contains(out, "no-such-cgroup")`,
		Fix: "Return the error of reading the options, and take them from an extension of BootstrapParams, too."},
	{Finding: "foreign-legacy-is-default", Program: findings.RuncV2, Name: "foreign-legacy-is-default-runc-v2",
		Title: "runc-v2 starts with default options if options of another type are sent", Rules: "R4c",
		Last: "v2.2.9", Fixed: "v2.4.0", Wrong: `!strings.HasPrefix(out, "io.containerd.runc.v2: ")`,
		Fix: "Return the error of reading the options; containerd 2.3 drops them, too, as its finding " +
			"legacy-read-as-bootstrap."},
	{Finding: "bootstrap-rejected", Program: findings.ReadRuntimeOptions, Rules: "R3", Effect: noContainer,
		Name:    "bootstrap-rejected-readruntimeoptions",
		Title:   "ReadRuntimeOptions refuses what containerd 2.3 and later write to a shim",
		payload: bootstrapOfRunc(), Apart: true,
		Fix: "Decode the input as BootstrapParams if it has a version of containerd, which an Any never has, and " +
			"look for the options among the extensions."},
	{Finding: "legacy-refused", Program: findings.PkgShim,
		unreported: "it is by design since 2.4, whose error says so"},
	{Finding: "bootstrap-rejected", Program: findings.RustExtensions, unreported: noCrates},
	{Finding: "identity-misread", Program: findings.RustExtensions, unreported: noCrates},
	{Finding: "type-url-ignored", Program: findings.RustExtensions, unreported: noCrates},
	{Finding: "group-ends-unmatched", Program: findings.RustExtensions, unreported: noCrates},
}

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

// The folders of the shims in hcsshim: of the one that is patched, and of the other; and
// the package of its options.
const (
	shimDir        = "cmd/containerd-shim-runhcs-v1"
	lcowDir        = "cmd/containerd-shim-lcow-v2"
	optionsPackage = shimDir + "/options"
)

// module is what a project releases, and how its findings are fixed.
type module struct {
	path, newest, Tracker string
	fixes                 []change
}

// protobuf is a project, and its only program.
const protobuf = "google.golang.org/protobuf"

var modules = map[string]module{
	"hcsshim": {"github.com/Microsoft/hcsshim", findings.Newest, "microsoft/hcsshim", fixes},
	"containerd": {"github.com/containerd/containerd/v2", findings.NewestContainerd, "containerd/containerd", []change{
		to("pkg/shim", `\tinput, err := io\.ReadAll\(io\.LimitReader\(os\.Stdin, 10 ?<< ?20\)\)\n`, "limit"),
		to("pkg/shim", `\tvar any types\.Any\n`, "bootstrap")}},
	protobuf: {protobuf, "v1.36.12", "golang/protobuf, the issues of protocolbuffers/protobuf-go", []change{
		{"encoding/protowire", `num < MinValidNumber`, "num < MinValidNumber || num > MaxValidNumber"}}},
}

// program is how the findings of a program are tested.
type program struct {
	OS       string // that it needs
	Folder   string // of the test, in the module
	Tag      string // that its build needs
	Template string // of the test
	Command  string // that reads the payload
}

// programs are all that have findings, by their names. A test of readOptions alone is run on
// any system.
var programs = map[string]program{
	findings.ReadOptions:        {"windows", shimDir, "", "answer", "serve"},
	findings.Create:             {"windows", shimDir, "", "create", ""},
	findings.RunHCS:             {"windows", shimDir, "", "program", "serve"},
	findings.LCOW:               {"windows", lcowDir, "lcow", "program", "serve"},
	optionsPackage:              {"", optionsPackage, "", "fields", "serve"},
	findings.RuncV2:             {"linux", "cmd/containerd-shim-runc-v2", "", "program", "start"},
	findings.PkgShim:            {"", "pkg/shim", "", "program", "start"},
	findings.ReadRuntimeOptions: {"", "pkg/shim", "", "runtimeoptions", "start"},
	protobuf:                    {"", "proto", "", "message", ""},
}

// project is that of a program, as its name says.
func project(program string) string {
	name, _, _ := strings.Cut(program, " ")
	return name
}
