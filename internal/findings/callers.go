package findings

import (
	"bytes"
	"slices"
	"strings"

	"golang.org/x/mod/semver"
	"google.golang.org/protobuf/encoding/protowire"

	"shimfuzz/internal/contract"
	"shimfuzz/internal/payload"
	"shimfuzz/internal/reference"
	"shimfuzz/internal/wire"
)

// Caller is a defect of what stands around readOptions, in the program that
// containerd starts. It shows only there: make e2e reproduces it.
type Caller struct {
	Name    string
	Program string // which of the shims, and which of its commands
	Breaks  contract.Guarantee
	Happens string
	From    string
	Fixed   string
	Case    string        // the corpus case that shows it, or else
	Make    func() []byte // a payload that is too large for the corpus

	// befalls reports whether the defect gives a payload another answer than the
	// one that the contract wants; nil for a defect that is none of the answer's.
	befalls func(want contract.Outcome, payload []byte) bool
}

// What an operator relies on beyond the options themselves.
var (
	startTells = contract.Guarantee{Name: "start-tells",
		Text: "What serve refuses start reports: containerd learns that no shim runs, and why."}
	valuesChecked = contract.Guarantee{Name: "values-checked",
		Text: "An option whose value means nothing is an error that names it."}
	logsAreNotVital = contract.Guarantee{Name: "logs-are-not-vital",
		Text: "No setting of the logs keeps a container from starting."}
	inputBounded = contract.Guarantee{Name: "input-bounded",
		Text: "A payload larger than any that containerd sends is refused before all of it is in memory."}
)

// manyBytes is far beyond what containerd sends, and six times what containerd
// 2.4's own shims read.
const manyBytes = 64 << 20

// Callers is every known finding of this kind.
var Callers = []Caller{
	{
		Name: "start-hides-refusal", Program: "runhcs-v1 start", Breaks: startTells,
		Happens: "When serve refuses the options or panics, start prints the address of a pipe that nobody serves and exits with 0. " +
			"containerd is told of a pipe that it cannot connect to; why stands in panic.log in the bundle only, until delete logs its first MiB.",
		From: oldest, Case: "malformed_legacy_legacy_field-0",
	},
	{
		Name: "debug-type-file-panics", Program: "runhcs-v1 serve", Breaks: contract.NeverPanics,
		Happens: "DebugType FILE, a value of the options' own enum, crashes the shim with a Go panic.",
		From:    oldest, Case: "legacy_field_debug-type_1",
	},
	{
		Name: "unknown-debug-type-accepted", Program: "runhcs-v1 serve", Breaks: valuesChecked,
		Happens: "A DebugType that is none is taken without a word: no log pipe is made, and the logs end in panic.log.",
		From:    oldest, Case: "legacy_field_debug-type_3",
	},
	{
		Name: "log-level-fails-start", Program: "both shims, serve", Breaks: logsAreNotVital,
		Happens: "A log level that logrus does not know ends the shim: with one letter wrong in containerd's configuration no container starts.",
		From:    oldest, Case: "legacy_field_log-level",
	},
	{
		Name: "stdin-unlimited", Program: "both shims, serve", Breaks: inputBounded,
		Happens: "A payload of any size is read whole and decoded: 64 MiB cost several times that in memory before anything looks at them.",
		From:    oldest, Make: func() []byte { return large(1000) },
	},
	{
		Name: "log-level-echoed", Program: "both shims, serve", Breaks: inputBounded,
		Happens: "A log level that is none is repeated in the error twice, however long it is: 64 MiB of it make a panic.log of 128 MiB.",
		From:    oldest, Make: func() []byte { return large(16) },
	},
	{
		Name: "lcow-v2-loses-legacy-options", Program: "lcow-v2 serve", Breaks: contract.AsSent,
		Happens: "Options from containerd up to 2.2, a bare Any, are BootstrapParams without options to lcow-v2: it starts with " +
			"defaults, silently; or not at all, where the options' bytes happen to be no UTF-8.",
		From: bootstrapSupport, Case: "legacy_field_sandbox-platform",
		befalls: func(want contract.Outcome, b []byte) bool {
			return !payload.IsBootstrap(b) && want.Kind == contract.Options
		},
	},
	{
		Name: "lcow-v2-legacy-is-default", Program: "lcow-v2 serve", Breaks: contract.ForeignFails,
		Happens: "Options that are damaged or of another type, in a bare Any, start lcow-v2 with defaults, silently.",
		From:    bootstrapSupport, Case: "legacy_foreign_runtimeoptions",
		befalls: func(want contract.Outcome, b []byte) bool {
			return !payload.IsBootstrap(b) && want.Kind.IsError()
		},
	},
	{
		Name: "lcow-v2-group-hides-bad-field-number", Program: "lcow-v2 serve", Breaks: contract.MalformedFails,
		Happens: "As group-hides-bad-field-number: the defect is google.golang.org/protobuf's, whoever decodes with it.",
		From:    bootstrapSupport, Case: "malformed_bootstrap_options_group-field-above-max",
		befalls: func(want contract.Outcome, b []byte) bool {
			return payload.IsBootstrap(b) && !bytes.Equal(withLegalGroups(b), b) && reference.Answer(withLegalGroups(b)).Kind != want.Kind
		},
	},
}

// Callers returns the findings of this kind that the list excuses: those of its
// version, without the ones that it leaves out by name.
func (l List) Callers() []Caller {
	version, without, _ := strings.Cut(l.Name, ",")
	if !semver.IsValid(version) {
		return nil
	}
	left := strings.Split(without, ",")
	return slices.DeleteFunc(slices.Clone(Callers), func(c Caller) bool {
		return !c.in(version) || slices.Contains(left, "-"+c.Name)
	})
}

func (c Caller) in(version string) bool { return Finding{From: c.From, Fixed: c.Fixed}.in(version) }

// Explain returns the one among the callers' findings that explains why a
// shim's answer to a payload is not the contract's; nil if none does.
func Explain(callers []Caller, want contract.Outcome, payload []byte) *Caller {
	for i, c := range callers {
		if c.befalls != nil && c.befalls(want, payload) {
			return &callers[i]
		}
	}
	return nil
}

// isCaller reports whether a version has the finding that is left out so.
func isCaller(version, without string) bool {
	return slices.ContainsFunc(Callers, func(c Caller) bool { return "-"+c.Name == without && c.in(version) })
}

// large is a legacy payload of manyBytes in one string field of its Options.
func large(num protowire.Number) []byte {
	return payload.PlainAny(contract.OptionsName, wire.Message{wire.Bytes(num, bytes.Repeat([]byte("x"), manyBytes))}.Encode())
}
