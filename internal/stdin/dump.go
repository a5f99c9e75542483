package stdin

import (
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

// Descriptor describes the message that b is by the contract.
func Descriptor(b []byte) protoreflect.MessageDescriptor {
	if IsBootstrap(b) {
		return (*bootstrap.BootstrapParams)(nil).ProtoReflect().Descriptor()
	}
	return (*anypb.Any)(nil).ProtoReflect().Descriptor()
}

// Dump shows a payload as the message that it is by the contract.
func Dump(b []byte) string {
	return wire.Dump(b, Descriptor(b), func(url string) protoreflect.MessageDescriptor {
		if TypeName(url) == contract.OptionsName {
			return (*options.Options)(nil).ProtoReflect().Descriptor()
		}
		return nil
	})
}
