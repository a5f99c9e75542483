// Package findings has the findings of all programs that read shim options: the suite's,
// which are of readOptions and CreateTask, and those of the programs around them, with the
// right answer of each program.
package findings

import (
	"slices"
	"strings"

	"golang.org/x/mod/semver"
	"google.golang.org/protobuf/reflect/protoreflect"

	"shimfuzz/internal/contract"
	"shimfuzz/internal/findings"
	"shimfuzz/internal/reference"
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

// Want returns the right answer of a version of a program, which reads a type of Options, to a
// payload, as far as the program can tell it.
func Want(options protoreflect.MessageType, program, version string, payload []byte) contract.Outcome {
	return asKnown(program, version, reference.TypeOf(options).Want(contract.Stdin, payload))
}

// Outcome is the answer of a version of a program. The error is one of an answer that is not of
// the protocol.
func Outcome(options protoreflect.MessageType, program, version string, a protocol.Answer) (contract.Outcome, error) {
	o, err := process.Outcome(a, options)
	return asKnown(program, version, o), err
}

// asKnown is an outcome as far as a program can tell it: without the Options, if they are
// runc's, of which its reader answers one field only; and without scrub_logs: false, where the
// Options that it links do not distinguish that from scrub_logs unset.
func asKnown(program, version string, o contract.Outcome) contract.Outcome {
	if OptionsType(program) == RuncOptions {
		o.Options = nil
	}
	if o.Options != nil && !knowsUnset(program, version) {
		m := o.Options.ProtoReflect()
		if fd := m.Descriptor().Fields().ByName("scrub_logs"); !m.Get(fd).Bool() {
			m.Clear(fd)
		}
	}
	for i := range o.Or {
		o.Or[i] = asKnown(program, version, o.Or[i])
	}
	return o
}
