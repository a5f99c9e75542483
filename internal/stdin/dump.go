package stdin

import (
	_ "github.com/Microsoft/hcsshim/cmd/containerd-shim-runhcs-v1/options" // is linked
	bootstrap "github.com/containerd/containerd/api/runtime/bootstrap/v1"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
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

// Dump shows a payload as the message that it is by the contract. What an Any holds is
// shown by the fields of its type if that is linked.
func Dump(in contract.Input, b []byte) string { return wire.Dump(b, Descriptor(in, b), Inside) }

// Inside describes what an Any with a type URL holds, if that type is linked.
func Inside(url string) protoreflect.MessageDescriptor {
	mt, err := protoregistry.GlobalTypes.FindMessageByName(protoreflect.FullName(TypeName(url)))
	if err != nil {
		return nil
	}
	return mt.Descriptor()
}
