package findings

import (
	"testing"

	"github.com/Microsoft/hcsshim/cmd/containerd-shim-runhcs-v1/options"
	runc "github.com/containerd/containerd/api/types/runc/options"

	"shimfuzz/internal/contract"
	"shimfuzz/internal/grammar"
	"shimfuzz/internal/wire"
	"shimfuzz/lab/conformance/optionstype"
)

var runcType = (*runc.Options)(nil).ProtoReflect().Type()

// Of the Options of a program that has runc's nothing is known but that they are right.
func TestWant(t *testing.T) {
	for _, program := range []string{RuncV2, RustExtensions, ""} {
		got := Want(runcType, program, "v2.4.2", grammar.PlainAny(RuncOptions, nil))
		if got.Kind != contract.Options || (got.Options != nil) != (program == "") {
			t.Errorf("%q: %v", program, got)
		}
	}
}

// An explicit scrub_logs: false reaches a program whose Options know it.
func TestWantExplicitFalse(t *testing.T) {
	fd := (*options.Options)(nil).ProtoReflect().Descriptor().Fields().ByName("scrub_logs")
	if fd == nil || !fd.HasPresence() {
		t.Skip("NOT RUN: the Options that are linked here do not tell false from unset")
	}
	b := grammar.PlainAny(contract.OptionsName, wire.Message{wire.Varint(fd.Number(), 0)}.Encode())
	for _, test := range []struct {
		program, version string
		arrives          bool
	}{
		{RunHCS, "v0.14.1", false},
		{RunHCS, "v0.15.0-rc.1", false},
		{RunHCS, "v0.15.0-rc.2", true},
		{RunHCS, "/home/me/hcsshim", true},
		{PkgShim, "v2.3.7", false},
		{PkgShim, "v2.4.2", true},
		{"reference", "", true},
		{"", "", true},
	} {
		got := Want(optionstype.RunHCS, test.program, test.version, b)
		if got.Options.ProtoReflect().Has(fd) != test.arrives {
			t.Errorf("%s %s: %v, want that it arrives: %v", test.program, test.version, got, test.arrives)
		}
	}
}
