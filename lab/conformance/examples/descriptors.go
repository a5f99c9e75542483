package examples

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"

	bootstrap "github.com/containerd/containerd/api/runtime/bootstrap/v1"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/known/anypb"

	"shimfuzz/lab/conformance/optionstype"
)

// Descriptors is the file that WriteDescriptors writes, below the root of the suite.
const Descriptors = "build/descriptors.binpb"

// WriteDescriptors writes the descriptor set from which readers in other languages make
// their classes, and returns the names of the messages that it is for: the two that come
// on standard input, and every linked type of Options. A file that is right is left
// alone, so what is built from it stays newer.
func WriteDescriptors(root string) (messages []string, err error) {
	types := []protoreflect.MessageType{
		(*bootstrap.BootstrapParams)(nil).ProtoReflect().Type(),
		(*anypb.Any)(nil).ProtoReflect().Type(),
	}
	for _, name := range optionstype.Linked() {
		mt, err := optionstype.Find(name)
		if err != nil {
			return nil, err
		}
		types = append(types, mt)
	}
	set, added := new(descriptorpb.FileDescriptorSet), make(map[string]bool)
	for _, mt := range types {
		messages = append(messages, string(mt.Descriptor().FullName()))
		add(set, added, mt.Descriptor().ParentFile())
	}
	b, err := proto.MarshalOptions{Deterministic: true}.Marshal(set)
	if err != nil {
		return nil, err
	}
	return messages, replace(filepath.Join(root, Descriptors), b)
}

// add puts a file behind those that it imports, as protoc does.
func add(set *descriptorpb.FileDescriptorSet, added map[string]bool, file protoreflect.FileDescriptor) {
	if added[file.Path()] {
		return
	}
	added[file.Path()] = true
	for i := range file.Imports().Len() {
		add(set, added, file.Imports().Get(i).FileDescriptor)
	}
	set.File = append(set.File, protodesc.ToFileDescriptorProto(file))
}

// replace makes b the content of a file, at once, unless it is that already.
func replace(name string, b []byte) error {
	if old, err := os.ReadFile(name); err == nil && bytes.Equal(old, b) {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(name), filepath.Base(name)+".*")
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	err = errors.Join(err, f.Chmod(0o666), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), name)
	}
	if err != nil {
		os.Remove(f.Name())
	}
	return err
}
