package recorded

import (
	"strings"

	bootstrap "github.com/containerd/containerd/api/runtime/bootstrap/v1"
	"golang.org/x/mod/semver"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"

	"shimfuzz/internal/grammar"
)

// Start is what containerd writes to the standard input of a shim that it starts, byte for
// byte: nothing, an Any, or BootstrapParams. The parameters are those of a containerd from
// 2.3 on, but for the extension: url and value are the runtime options, and an empty url is
// none. A test holds it to what containerd was recorded to write.
func Start(shim string, params *bootstrap.BootstrapParams, url string, value []byte) []byte {
	special := strings.Contains(shim, "shim-runhcs-v1") || strings.Contains(shim, "shim-runc-v1")
	switch legacy := semver.Compare(params.ContainerdVersion, "v2.3.0") < 0 || special; {
	case legacy && url == "":
		return nil
	case legacy:
		return grammar.PlainAny(url, value)
	case url != "":
		params.Extensions = []*bootstrap.Extension{{Value: &anypb.Any{TypeUrl: url, Value: value}}}
	}
	return must(proto.Marshal(params))
}
