package findings

import (
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/Microsoft/hcsshim/cmd/containerd-shim-runhcs-v1/options"
	bootstrap "github.com/containerd/containerd/api/runtime/bootstrap/v1"

	"shimfuzz/internal/contract"
	"shimfuzz/internal/grammar"
	"shimfuzz/internal/wire"
)

// The right answer of a program depends on the type that it reads.
func TestWant(t *testing.T) {
	value, err := proto.Marshal(grammar.OneOption())
	if err != nil {
		t.Fatal(err)
	}
	const foreign = "runtimeoptions.v1.Options"
	bootstrap := func(name string, value []byte) []byte {
		p := &bootstrap.BootstrapParams{InstanceID: "web-1", Namespace: "k8s.io", ContainerdVersion: "v2.4.2"}
		return grammar.Start("x", p, name, value)
	}
	for _, test := range []struct {
		name         string
		payload      []byte
		runhcs, runc contract.Kind
	}{
		{"nothing", nil, contract.None, contract.None},
		{"an Any of runhcs's", grammar.PlainAny(contract.OptionsName, value), contract.Options, contract.Foreign},
		{"an Any of runc's", grammar.PlainAny(RuncOptions, nil), contract.Foreign, contract.Options},
		{"an Any of another type", grammar.PlainAny(foreign, nil), contract.Foreign, contract.Foreign},
		{"an Any of a damaged value of runhcs's", grammar.PlainAny(contract.OptionsName, []byte{8}), contract.Malformed,
			contract.Malformed},
		{"an Any of a damaged value of runc's", grammar.PlainAny(RuncOptions, []byte{8}), contract.Foreign,
			contract.Malformed},
		{"BootstrapParams without options", bootstrap("", nil), contract.None, contract.None},
		{"BootstrapParams with runhcs's", bootstrap(contract.OptionsName, value), contract.Options, contract.None},
		{"BootstrapParams with runc's", bootstrap(RuncOptions, nil), contract.None, contract.Options},
		{"BootstrapParams with another type", bootstrap(foreign, nil), contract.None, contract.None},
		{"a cut payload", []byte{10, 5}, contract.Malformed, contract.Malformed},
		{"an ID and a namespace", grammar.PlainAny("web-1", []byte("k8s.io")), contract.None, contract.None},
	} {
		if got := Want(RunHCS, "v0.15.0", test.payload); got.Kind != test.runhcs ||
			(got.Options != nil) != (got.Kind == contract.Options) {
			t.Errorf("%s, to runhcs-v1: %v, want %v", test.name, got, test.runhcs)
		}
		if got := Want(RustExtensions, "v0.11.0", test.payload); got.Kind != test.runc || got.Options != nil {
			t.Errorf("%s: %v of rust-extensions, want %s", test.name, got, test.runc)
		}
		if got := Want(RuncV2, "v2.4.2", test.payload); got.Kind != test.runc || got.Options != nil {
			t.Errorf("%s, to runc-v2: %v, want %v", test.name, got.Kind, test.runc)
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
		if got := Want(test.program, test.version, b); got.Options.ProtoReflect().Has(fd) != test.arrives {
			t.Errorf("%s %s: %v, want that it arrives: %v", test.program, test.version, got, test.arrives)
		}
	}
}
