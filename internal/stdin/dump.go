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
func FamilyName(in contract.Input, b []byte) string {
	switch {
	case in == contract.Create:
		return "CreateTaskRequest.Options, an Any"
	case IsBootstrap(b):
		return "BootstrapParams"
	}
	return "a legacy Any"
}

// Descriptor describes the message that b is by the contract.
func Descriptor(in contract.Input, b []byte) protoreflect.MessageDescriptor {
	if in == contract.Stdin && IsBootstrap(b) {
		return (*bootstrap.BootstrapParams)(nil).ProtoReflect().Descriptor()
	}
	return (*anypb.Any)(nil).ProtoReflect().Descriptor()
}

// Schema describes what an Any with a type URL holds, if that is Options.
func Schema(url string) protoreflect.MessageDescriptor {
	if TypeName(url) == contract.OptionsName {
		return (*options.Options)(nil).ProtoReflect().Descriptor()
	}
	return nil
}

// Dump shows a payload as the message that it is by the contract.
func Dump(in contract.Input, b []byte) string { return wire.Dump(b, Descriptor(in, b), Schema) }
