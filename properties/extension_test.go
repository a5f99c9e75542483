package properties

import (
	"testing"

	"github.com/Microsoft/hcsshim/cmd/containerd-shim-runhcs-v1/options"
	bootstrap "github.com/containerd/containerd/api/runtime/bootstrap/v1"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/emptypb"
	"pgregory.net/rapid"

	"shimfuzz/internal/contract"
	"shimfuzz/internal/decoder"
	"shimfuzz/internal/grammar"
	"shimfuzz/internal/verify"
)

// What containerd's own AddExtension and proto.Marshal make of drawn options is
// what every decoder reads back: our builder and containerd's agree.
func TestAddExtension(t *testing.T) {
	onEach(t, func(rt *rapid.T, d decoder.Decoder) {
		opts := drawn(grammar.RunHCS.Options).Draw(rt, "options")
		params := &bootstrap.BootstrapParams{InstanceID: "web-1", Namespace: "k8s.io", ContainerdVersion: "2.3.7"}
		for _, msg := range []proto.Message{&emptypb.Empty{}, opts} {
			if err := params.AddExtension(msg); err != nil {
				rt.Fatal(err)
			}
		}
		b, err := proto.Marshal(params)
		if err != nil {
			rt.Fatal(err)
		}
		p := grammar.Payload{Bytes: b, Want: grammar.Sent(opts),
			Description: "BootstrapParams from AddExtension and proto.Marshal"}
		verify.Run(rt, d, verify.Check{Guarantee: contract.AsSent, Payload: p})
	})
}

// Nil params have no extension, and a damaged one is not found: readOptions does not see these.
func TestFindExtension(t *testing.T) {
	damaged := &anypb.Any{TypeUrl: contract.OptionsName, Value: []byte{0xff}}
	for _, params := range []*bootstrap.BootstrapParams{nil, {Extensions: []*bootstrap.Extension{{Value: damaged}}}} {
		if found, err := params.FindExtension(new(options.Options)); found || (err != nil) != (params != nil) {
			t.Errorf("FindExtension of %v = %v, %v", params, found, err)
		}
	}
}
