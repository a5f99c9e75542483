package examples

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"

	bootstrap "github.com/containerd/containerd/api/runtime/bootstrap/v1"
	"google.golang.org/protobuf/reflect/protoreflect"
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
	for _, mt := range types {
		messages = append(messages, string(mt.Descriptor().FullName()))
	}
	b, err := optionstype.Set(types...)
	if err != nil {
		return nil, err
	}
	file := filepath.Join(root, Descriptors)
	if old, err := os.ReadFile(file); err == nil && bytes.Equal(old, b) {
		return messages, nil
	}
	return messages, errors.Join(os.MkdirAll(filepath.Dir(file), 0o777), os.WriteFile(file, b, 0o666))
}
