package reference

import (
	"testing"

	runc "github.com/containerd/containerd/api/types/runc/options"
	runtimeoptions "github.com/containerd/containerd/api/types/runtimeoptions/v1"
	"google.golang.org/protobuf/proto"

	"shimfuzz/internal/contract"
	"shimfuzz/internal/grammar"
)

// Of Options of other shims, too, the reference and the tokens know the same answer.
func TestOtherTypes(t *testing.T) {
	for _, m := range []proto.Message{new(runc.Options), new(runtimeoptions.Options)} {
		t.Run(string(m.ProtoReflect().Descriptor().FullName()), func(t *testing.T) {
			reader, v := TypeOf(m.ProtoReflect().Type()), grammar.Of(m.ProtoReflect().Type())
			kinds := make(map[contract.Kind]int)
			for _, place := range v.Contexts() {
				for _, e := range v.Tokens(place.Level) {
					top := place.Payload([]grammar.Token{e})
					want, known := v.Answer(contract.Stdin, top)
					got := reader.Want(contract.Stdin, grammar.Encode(top))
					kinds[got.Kind]++
					if known && !contract.SameSet(want, got) {
						t.Errorf("%s: %s: by its tokens %s, by the reference %s", place.Name, e.Name, want.Kind,
							got.Kind)
					}
				}
			}
			for _, k := range []contract.Kind{contract.Options, contract.None, contract.Malformed, contract.Foreign} {
				if kinds[k] < 10 {
					t.Errorf("only %d payloads are %s", kinds[k], k)
				}
			}
		})
	}
}
