// Package findings has the findings of all programs that read shim options: the suite's,
// which are of readOptions and CreateTask, and those of the programs around them, with the
// right answer of each program.
package findings

import (
	"slices"
	"strings"

	"github.com/Microsoft/hcsshim/cmd/containerd-shim-runhcs-v1/options"
	"golang.org/x/mod/semver"

	"shimfuzz/internal/contract"
	"shimfuzz/internal/findings"
	"shimfuzz/internal/reference"
	"shimfuzz/internal/stdin"
	"shimfuzz/lab/conformance/process"
	"shimfuzz/lab/conformance/protocol"
)

// The suite's types.
type (
	Finding = findings.Finding
	List    = findings.List
	Place   = findings.Place
)

// The programs that findings are known of.
const (
	ReadOptions        = findings.ReadOptions
	Create             = findings.Create
	RunHCS             = "hcsshim runhcs-v1"
	LCOW               = "hcsshim lcow-v2"
	ReadRuntimeOptions = "containerd ReadRuntimeOptions"
	PkgShim            = "containerd pkg/shim"
	RuncV2             = "containerd runc-v2"
	RustExtensions     = "rust-extensions async" // the crate containerd-shim
)

// Newest is the newest release of hcsshim whose findings are known, and NewestContainerd
// that of containerd: of what it sends, and of the readers that it has.
const (
	Newest           = findings.Newest
	NewestContainerd = "v2.4.2"
)

// Containerd is the releases of containerd that are recorded, and whose readers are run,
// since there are such. To have one more, add it.
var Containerd = []string{"v1.7.35", "v2.0.14", "v2.2.9", "v2.3.7", NewestContainerd}

// ContainerdSince are those of them that are not older than a version.
func ContainerdSince(version string) []string {
	return slices.DeleteFunc(slices.Clone(Containerd), func(v string) bool { return semver.Compare(v, version) < 0 })
}

// RuncOptions is the full name of the Options that containerd's own shim and
// rust-extensions read.
const RuncOptions = "containerd.runc.v1.Options"

// OptionsType returns the full name of the Options that a program (package
// findings) reads: runhcs's, for all but containerd's own shim and rust-extensions.
func OptionsType(program string) string {
	switch program {
	case RuncV2, RustExtensions:
		return RuncOptions
	}
	return contract.OptionsName
}

// knowsUnset reports whether the runhcs Options that a program links distinguish
// scrub_logs: false from scrub_logs unset, as hcsshim's do since v0.15.0-rc.2, and
// those that containerd links since 2.4. A version that is no release, such as a
// checkout, does.
func knowsUnset(program, version string) bool {
	switch {
	case !semver.IsValid(version):
		return true
	case strings.HasPrefix(program, "hcsshim "):
		return semver.Compare(version, "v0.15.0-rc.2") >= 0
	}
	return semver.Compare(version, "v2.4.0") >= 0
}

// Want returns the right answer of a version of a program to a payload. Of Options
// other than runhcs's it has no fields: their Options are nil. For such a program
// damage anywhere in the payload is Malformed, also in runhcs Options beside its own.
func Want(program, version string, payload []byte) contract.Outcome {
	want, name := reference.Want(payload), OptionsType(program)
	switch {
	case name == contract.OptionsName:
		return AsKnown(program, version, want)
	case want.Kind == contract.Malformed:
		return want
	}
	for _, a := range stdin.Anys(payload) {
		if url, value := stdin.AnyParts(a); stdin.TypeName(url) == name { // the first decides
			return decode(name, value)
		}
	}
	switch {
	case want.Kind == contract.Options && stdin.IsBootstrap(payload):
		return contract.Outcome{Kind: contract.None}
	case want.Kind == contract.Options:
		return contract.Outcome{Kind: contract.Foreign}
	}
	return want
}

// Outcome is the answer of a version of a program, as far as its Options can tell. Of Options
// other than runhcs's it has no fields. The error is one of an answer that is not of the protocol.
func Outcome(program, version string, a protocol.Answer) (contract.Outcome, error) {
	decoded := (*options.Options)(nil).ProtoReflect().Type()
	if OptionsType(program) != contract.OptionsName {
		decoded = nil
	}
	o, err := process.Outcome(a, decoded)
	return AsKnown(program, version, o), err
}

// AsKnown is an outcome as the Options that a program links can tell it: without
// scrub_logs: false, where those do not distinguish that from scrub_logs unset.
func AsKnown(program, version string, o contract.Outcome) contract.Outcome {
	if o.Options == nil || knowsUnset(program, version) {
		return o
	}
	m := o.Options.ProtoReflect()
	if fd := m.Descriptor().Fields().ByName("scrub_logs"); !m.Get(fd).Bool() {
		m.Clear(fd)
	}
	for i := range o.Or {
		o.Or[i] = AsKnown(program, version, o.Or[i])
	}
	return o
}
