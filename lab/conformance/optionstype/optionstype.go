// Package optionstype finds the type of Options that a reader reads: hcsshim's, or one of a
// descriptor set.
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

// Descriptors is the file that WriteDescriptors writes, in the root of the suite.
const Descriptors = "build/descriptors.binpb"

// Find returns a type that a user names: RunHCS by its full name; file:name, where the file is
// a FileDescriptorSet with all that it imports, such as protoc --include_imports -o writes; or
// in the root the name of one in Descriptors, because a process that tests an hcsshim does not link other
// types than that hcsshim does. It refuses a type to which the contract's rules do not apply:
// strings of proto2 need not be UTF-8, and its fields may be required.
func Find(name string) (protoreflect.MessageType, error) {
	if name == string(RunHCS.Descriptor().FullName()) {
		return RunHCS, nil
	}
	file := Descriptors
	if colon := strings.LastIndexByte(name, ':'); colon >= 0 {
		file, name = name[:colon], name[colon+1:]
	}
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
	mt, err := dynamicpb.NewTypes(files).FindMessageByName(protoreflect.FullName(name))
	if err != nil {
		return nil, fmt.Errorf("%s has no message %s: make -C lab descriptors lists what is linked; or name file:name "+
			"with a descriptor set", file, name)
	}
	if s := mt.Descriptor().ParentFile().Syntax(); s != protoreflect.Proto3 {
		return nil, fmt.Errorf("%s is of %v: only proto3 is supported", name, s)
	}
	return mt, nil
}

// WriteDescriptors writes the descriptor set from which readers in other languages make
// their classes, and returns the names of the messages that it is for: the two that come
// on standard input, and every linked type of Options. Each file stands behind those that it
// imports, as protoc writes it. A set that is right is left alone, so what is built from it
// stays newer.
func WriteDescriptors() (messages []string, err error) {
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
	all := []protoreflect.MessageDescriptor{(*bootstrap.BootstrapParams)(nil).ProtoReflect().Descriptor(),
		(*anypb.Any)(nil).ProtoReflect().Descriptor()}
	for fd := range protoregistry.GlobalFiles.RangeFiles {
		if md := fd.Messages().ByName("Options"); md != nil {
			all = append(all, md)
		}
	}
	slices.SortFunc(all[2:], func(a, b protoreflect.MessageDescriptor) int {
		return strings.Compare(string(a.FullName()), string(b.FullName()))
	})
	for _, md := range all {
		messages = append(messages, string(md.FullName()))
		add(md.ParentFile())
	}
	b, err := proto.MarshalOptions{Deterministic: true}.Marshal(&set)
	if err != nil {
		return nil, err
	}
	if old, err := os.ReadFile(Descriptors); err == nil && bytes.Equal(old, b) {
		return messages, nil
	}
	return messages, errors.Join(os.MkdirAll(filepath.Dir(Descriptors), 0o777), os.WriteFile(Descriptors, b, 0o666))
}
