package e2e

import (
	"strings"
	"testing"

	"golang.org/x/mod/semver"

	"shimfuzz/internal/hcsshim"
	"shimfuzz/internal/payload"
	"shimfuzz/internal/stdin"
	"shimfuzz/internal/wire"
)

// Whatever message type is linked into the extract is linked into the program,
// and does there what it does here: typeurl finds a type by its name, so what is
// linked is part of the input.
func TestRegistry(t *testing.T) {
	s := shims(t)[0]
	names := payload.RegisteredNames()
	p := &progress{what: "linked types", total: len(names)}
	for _, name := range names {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			defer p.step()
			s.compare(t, "an Any of type "+name, wire.Message{wire.String(1, name)}.Encode())
		})
	}
}

// onlyLinkedThere are types that the program has and the extract has not: hcsshim's
// internal/uvm registers them with typeurl, and builds on Windows only.
var onlyLinkedThere = []string{
	"ncproxy/ncproxynetworking/Endpoint", "ncproxy/ncproxynetworking/Network",
	"ncproxy/hcn/HostComputeEndpoint", "ncproxy/hcn/HostComputeNetwork",
}

// To the extract these types are unknown, as the README says. What the program
// does with them is what the findings say of any other linked type.
func TestOnlyLinkedThere(t *testing.T) {
	s := shims(t)[0]
	for _, name := range onlyLinkedThere {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := wire.Message{wire.String(1, name), wire.String(2, "{}")}.Encode()
			want := Refused
			if beforeBootstrap() {
				want = Panicked
			}
			if got, _ := s.serve(t, b); got.Kind != want {
				difference{shim: s, command: "serve", want: string(want), got: got.String(), payload: b, story: "an Any of type " + name,
					advice: "Either hcsshim registers this type no longer, or answers another type otherwise."}.fail(t)
			}
		})
	}
}

// beforeBootstrap reports whether the hcsshim under test is a release that does
// not know BootstrapParams.
func beforeBootstrap() bool {
	return hcsshim.Version() != "" && semver.Compare(hcsshim.Version(), "v0.15.0-rc.4") < 0
}

// onlyLinkedHere reports whether the extract, but not the program, knows the type
// that a payload names as an Any. The suite needs a containerd/api with the
// bootstrap protocol; a release without that has an older one, which lacks these.
func onlyLinkedHere(b []byte) bool {
	url, _ := stdin.AnyParts(b)
	name := url[strings.LastIndexByte(url, '/')+1:]
	return beforeBootstrap() && (strings.HasPrefix(name, "containerd.runtime.bootstrap.v1.") ||
		name == "containerd.types.ActivationInfo" || name == "containerd.types.ActiveMount")
}
