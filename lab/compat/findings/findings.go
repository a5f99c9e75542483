// Package findings has the findings of all programs that read shim options: the suite's,
// which are of readOptions and CreateTask, and those of the programs around them, with the
// right answer of each program.
package findings

import "shimfuzz/internal/findings"

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

// Newest is the newest release of hcsshim whose findings are known.
const Newest = findings.Newest
