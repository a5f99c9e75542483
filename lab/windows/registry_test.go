package windows

import (
	"strings"
	"testing"

	"shimfuzz/internal/grammar"
	"shimfuzz/internal/stdin"
	"shimfuzz/internal/verify"
	"shimfuzz/internal/wire"
)

// Every message type that is linked into this test is linked into the program,
// with the same effect. typeurl looks types up by their names, so the linked types
// are a part of the input.
func TestRegistry(t *testing.T) {
	t.Parallel()
	s := shims(t)[0]
	names := grammar.RegisteredNames()
	payloads.add(len(names))
	for _, name := range names {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			defer payloads.step()
			s.compare(t, "an Any of type "+name, wire.Message{wire.String(1, name)}.Encode())
		})
	}
}

// onlyLinkedThere are types that are linked into the program only: hcsshim's
// internal/uvm, which builds only for Windows, registers them with typeurl.
var onlyLinkedThere = []string{
	"ncproxy/ncproxynetworking/Endpoint", "ncproxy/ncproxynetworking/Network",
	"ncproxy/hcn/HostComputeEndpoint", "ncproxy/hcn/HostComputeNetwork",
}

// The extracted readOptions does not know these types, see the README. The program
// treats them like any other linked type.
func TestOnlyLinkedThere(t *testing.T) {
	s := shims(t)[0]
	for _, name := range onlyLinkedThere {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := wire.Message{wire.String(1, name), wire.String(2, "{}")}.Encode()
			want := Refused
			if verify.Known().Has("foreign-type-panics") {
				want = Panicked
			}
			if got, _ := s.serve(t, b); got.Kind != want {
				difference{shim: s, command: "serve", want: string(want), got: got.String(), payload: b,
					description: "an Any of type " + name,
					advice: "Either hcsshim does not register this type any more, or it treats foreign types " +
						"differently."}.fail(t)
			}
		})
	}
}

// onlyLinkedHere reports whether the type that a payload names as an Any is linked
// into this test but not into the program. The suite needs a containerd/api with
// BootstrapParams; a release that does not read these links an older one, which
// lacks some types.
func onlyLinkedHere(b []byte) bool {
	url, _ := stdin.AnyParts(b)
	name := stdin.TypeName(url)
	return verify.Known().Has("bootstrap-rejected") && (strings.HasPrefix(name, "containerd.runtime.bootstrap.v1.") ||
		name == "containerd.types.ActivationInfo" || name == "containerd.types.ActiveMount")
}
