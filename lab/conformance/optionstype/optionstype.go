// Package optionstype finds the type of Options that a shim reads: one that is linked
// into the suite, or one of a descriptor set.
package optionstype

import (
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/Microsoft/hcsshim/cmd/containerd-shim-runhcs-v1/options"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"
)

// RunHCS is the type of hcsshim's Options.
var RunHCS = (*options.Options)(nil).ProtoReflect().Type()

// Linked returns the names of the types of Options that are linked.
func Linked() (names []string) {
	for mt := range protoregistry.GlobalTypes.RangeMessages {
		if mt.Descriptor().Name() == "Options" {
			names = append(names, string(mt.Descriptor().FullName()))
		}
	}
	slices.Sort(names)
	return names
}

// Find returns the type that a user names: by its full name, if it is linked, else as
// file:name, where the file is a FileDescriptorSet with all that it imports, such as
// protoc --include_imports -o writes. "" is RunHCS.
func Find(name string) (protoreflect.MessageType, error) {
	if name == "" {
		return RunHCS, nil
	}
	colon := strings.LastIndexByte(name, ':')
	if colon < 0 {
		mt, err := protoregistry.GlobalTypes.FindMessageByName(protoreflect.FullName(name))
		if err != nil {
			return nil, fmt.Errorf("%s is not linked: want %s, or file:name with a descriptor set", name,
				strings.Join(Linked(), ", "))
		}
		return supported(mt)
	}
	b, err := os.ReadFile(name[:colon])
	if err != nil {
		return nil, err
	}
	var set descriptorpb.FileDescriptorSet
	if err := proto.Unmarshal(b, &set); err != nil {
		return nil, fmt.Errorf("%s: not a descriptor set: %w", name[:colon], err)
	}
	files, err := protodesc.NewFiles(&set)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name[:colon], err)
	}
	d, err := files.FindDescriptorByName(protoreflect.FullName(name[colon+1:]))
	if err != nil {
		return nil, fmt.Errorf("%s has no %s", name[:colon], name[colon+1:])
	}
	md, ok := d.(protoreflect.MessageDescriptor)
	if !ok {
		return nil, fmt.Errorf("%s is no message", d.FullName())
	}
	return supported(dynamicpb.NewMessageType(md))
}

// Write writes a type to a file, and returns its name as Find takes it. A process that
// tests an hcsshim does not link other types than that hcsshim does.
func Write(file string, mt protoreflect.MessageType) (name string, err error) {
	b, err := Set(mt)
	if err != nil {
		return "", err
	}
	return file + ":" + string(mt.Descriptor().FullName()), os.WriteFile(file, b, 0o666)
}

// Set returns a FileDescriptorSet of types with all that they import, each file behind
// those that it imports, as protoc writes it.
func Set(types ...protoreflect.MessageType) ([]byte, error) {
	var set descriptorpb.FileDescriptorSet
	added := make(map[string]bool)
	var add func(protoreflect.FileDescriptor)
	add = func(fd protoreflect.FileDescriptor) {
		if added[fd.Path()] {
			return
		}
		added[fd.Path()] = true
		for i := range fd.Imports().Len() {
			add(fd.Imports().Get(i).FileDescriptor)
		}
		set.File = append(set.File, protodesc.ToFileDescriptorProto(fd))
	}
	for _, mt := range types {
		add(mt.Descriptor().ParentFile())
	}
	return proto.MarshalOptions{Deterministic: true}.Marshal(&set)
}

// supported refuses a type to which the contract's rules do not apply: strings of
// proto2 need not be UTF-8, and its fields may be required.
func supported(mt protoreflect.MessageType) (protoreflect.MessageType, error) {
	if s := mt.Descriptor().ParentFile().Syntax(); s != protoreflect.Proto3 {
		return nil, fmt.Errorf("%s is of %v: only proto3 is supported", mt.Descriptor().FullName(), s)
	}
	return mt, nil
}
