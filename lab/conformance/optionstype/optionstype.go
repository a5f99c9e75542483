// Package optionstype finds the type of Options that a reader reads: one that is linked into
// the suite, or one of a descriptor set.
package optionstype

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/Microsoft/hcsshim/cmd/containerd-shim-runhcs-v1/options"
	bootstrap "github.com/containerd/containerd/api/runtime/bootstrap/v1"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"
	"google.golang.org/protobuf/types/known/anypb"
)

// RunHCS is the type of hcsshim's Options.
var RunHCS = (*options.Options)(nil).ProtoReflect().Type()

// linked returns the types of Options that are linked, in the order of their names.
func linked() (all []protoreflect.MessageDescriptor) {
	for mt := range protoregistry.GlobalTypes.RangeMessages {
		if mt.Descriptor().Name() == "Options" {
			all = append(all, mt.Descriptor())
		}
	}
	slices.SortFunc(all, func(a, b protoreflect.MessageDescriptor) int {
		return strings.Compare(string(a.FullName()), string(b.FullName()))
	})
	return all
}

// File returns a type that a user names as Find takes it: a linked one by its full name, or
// file:name. It writes the descriptor set for a linked one, because a process that tests an
// hcsshim does not link other types than that hcsshim does.
func File(root, name string) (string, error) {
	switch {
	case strings.Contains(name, ":"):
		return filepath.Abs(name)
	case name == string(RunHCS.Descriptor().FullName()):
		return "", nil
	}
	messages, err := WriteDescriptors(root)
	if err == nil && !slices.Contains(messages[inputs:], name) {
		err = fmt.Errorf("OPTIONS: %s is not linked: want %s, or file:name with a descriptor set", name,
			strings.Join(messages[inputs:], ", "))
	}
	return filepath.Join(root, Descriptors) + ":" + name, err
}

// Find returns the type file:name, where the file is a FileDescriptorSet with all that it
// imports, such as protoc --include_imports -o writes. "" is RunHCS. It refuses a type to
// which the contract's rules do not apply: strings of proto2 need not be UTF-8, and its
// fields may be required.
func Find(name string) (protoreflect.MessageType, error) {
	if name == "" {
		return RunHCS, nil
	}
	colon := strings.LastIndexByte(name, ':')
	file, name := name[:max(0, colon)], name[colon+1:]
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var set descriptorpb.FileDescriptorSet
	if err := proto.Unmarshal(b, &set); err != nil {
		return nil, fmt.Errorf("%s: not a descriptor set: %w", file, err)
	}
	files, err := protodesc.NewFiles(&set)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	d, err := files.FindDescriptorByName(protoreflect.FullName(name))
	if err != nil {
		return nil, fmt.Errorf("%s has no %s", file, name)
	}
	md, ok := d.(protoreflect.MessageDescriptor)
	if !ok {
		return nil, fmt.Errorf("%s is no message", d.FullName())
	}
	if s := md.ParentFile().Syntax(); s != protoreflect.Proto3 {
		return nil, fmt.Errorf("%s is of %v: only proto3 is supported", md.FullName(), s)
	}
	return dynamicpb.NewMessageType(md), nil
}

// Descriptors is the file that WriteDescriptors writes, below the root of the suite.
const Descriptors = "build/descriptors.binpb"

// inputs is how many messages come on standard input: BootstrapParams and Any.
const inputs = 2

// WriteDescriptors writes the descriptor set from which readers in other languages make
// their classes, and returns the names of the messages that it is for: the two that come
// on standard input, and every linked type of Options. Each file stands behind those that it
// imports, as protoc writes it. A set that is right is left alone, so what is built from it
// stays newer.
func WriteDescriptors(root string) (messages []string, err error) {
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
	all := [inputs]protoreflect.MessageDescriptor{(*bootstrap.BootstrapParams)(nil).ProtoReflect().Descriptor(),
		(*anypb.Any)(nil).ProtoReflect().Descriptor()}
	for _, md := range append(all[:], linked()...) {
		messages = append(messages, string(md.FullName()))
		add(md.ParentFile())
	}
	b, err := proto.MarshalOptions{Deterministic: true}.Marshal(&set)
	if err != nil {
		return nil, err
	}
	file := filepath.Join(root, Descriptors)
	if old, err := os.ReadFile(file); err == nil && bytes.Equal(old, b) {
		return messages, nil
	}
	return messages, errors.Join(os.MkdirAll(filepath.Dir(file), 0o777), os.WriteFile(file, b, 0o666))
}
