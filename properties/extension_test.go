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

// FindExtension on what readOptions hands it, and on what only other callers can.
func TestFindExtension(t *testing.T) {
	ours, err := anypb.New(&options.Options{Debug: true})
	if err != nil {
		t.Fatal(err)
	}
	ext := func(a *anypb.Any) *bootstrap.Extension { return &bootstrap.Extension{Value: a} }
	broken := &anypb.Any{TypeUrl: ours.TypeUrl, Value: []byte{0xff}}
	for _, test := range []struct {
		name   string
		params *bootstrap.BootstrapParams
		found  bool
		fails  bool
	}{
		{"no params at all", nil, false, false},
		{"no extensions", &bootstrap.BootstrapParams{}, false, false},
		{"an extension without a value", &bootstrap.BootstrapParams{Extensions: []*bootstrap.Extension{ext(nil)}},
			false, false},
		{"ours behind another",
			&bootstrap.BootstrapParams{Extensions: []*bootstrap.Extension{ext(&anypb.Any{TypeUrl: "a.B"}), ext(ours)}},
			true, false},
		{"ours, damaged", &bootstrap.BootstrapParams{Extensions: []*bootstrap.Extension{ext(broken), ext(ours)}}, false,
			true},
	} {
		t.Run(test.name, func(t *testing.T) {
			var got options.Options
			found, err := test.params.FindExtension(&got)
			if found != test.found || (err != nil) != test.fails {
				t.Errorf("FindExtension = %v, %v; want %v, error %v", found, err, test.found, test.fails)
			}
			if test.found && !got.Debug {
				t.Error("the extension was found but not decoded")
			}
		})
	}
}
