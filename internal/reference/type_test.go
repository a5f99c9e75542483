package reference

import (
	"testing"

	runc "github.com/containerd/containerd/api/types/runc/options"
	runtimeoptions "github.com/containerd/containerd/api/types/runtimeoptions/v1"
	"google.golang.org/protobuf/proto"

	"shimfuzz/internal/contract"
	"shimfuzz/internal/vocabulary"
)

// Of Options of other shims, too, the reference and the elements know the same answer.
func TestOtherTypes(t *testing.T) {
	for _, m := range []proto.Message{new(runc.Options), new(runtimeoptions.Options)} {
		t.Run(string(m.ProtoReflect().Descriptor().FullName()), func(t *testing.T) {
			reader, v := TypeOf(m.ProtoReflect().Type()), vocabulary.Of(m.ProtoReflect().Type())
			kinds := make(map[contract.Kind]int)
			for _, place := range v.Places() {
				for _, e := range v.Elements(place.Level) {
					top := place.Payload([]vocabulary.Element{e})
					want, known := v.Answer(top)
					got := reader.Want(contract.Stdin, vocabulary.Encode(top))
					kinds[got.Kind]++
					if known && !contract.SameSet(want, got) {
						t.Errorf("%s: %s: by its elements %s, by the reference %s", place.Name, e.Name, want.Kind,
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
