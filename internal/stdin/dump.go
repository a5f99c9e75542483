package stdin

import (
	"strings"

	"github.com/Microsoft/hcsshim/cmd/containerd-shim-runhcs-v1/options"
	bootstrap "github.com/containerd/containerd/api/runtime/bootstrap/v1"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/anypb"

	"shimfuzz/internal/contract"
	"shimfuzz/internal/wire"
)

// FamilyName names the message that b is by the contract.
func FamilyName(b []byte) string {
	if IsBootstrap(b) {
		return "BootstrapParams"
	}
	return "a legacy Any"
}

// Dump shows a payload as the message that it is by the contract.
func Dump(b []byte) string {
	md := (*anypb.Any)(nil).ProtoReflect().Descriptor()
	if IsBootstrap(b) {
		md = (*bootstrap.BootstrapParams)(nil).ProtoReflect().Descriptor()
	}
	return wire.Dump(b, md, func(url string) protoreflect.MessageDescriptor {
		if url[strings.LastIndexByte(url, '/')+1:] == contract.OptionsName {
			return (*options.Options)(nil).ProtoReflect().Descriptor()
		}
		return nil
	})
}
