package optionstype

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/types/descriptorpb"
)

func TestFind(t *testing.T) {
	dir := t.TempDir()
	write := func(name string, b []byte) string {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, b, 0o666); err != nil {
			t.Fatal(err)
		}
		return file
	}
	fd := protodesc.ToFileDescriptorProto(RunHCS.Descriptor().ParentFile())
	fd.Dependency = nil // which its Options do not need
	fd.MessageType = fd.MessageType[:1]
	fd.Package = proto.String("mine.v1")
	for _, f := range fd.MessageType[0].Field { // of messages that are in the package itself
		if f.TypeName != nil {
			f.TypeName = proto.String(strings.Replace(f.GetTypeName(), "containerd.runhcs.v1", "mine.v1", 1))
		}
	}
	b, err := proto.Marshal(&descriptorpb.FileDescriptorSet{File: []*descriptorpb.FileDescriptorProto{fd}})
	if err != nil {
		t.Fatal(err)
	}
	set, text := write("set", b), write("text", []byte("message Options {}"))
	written, err := Write(filepath.Join(dir, "written"), RunHCS)
	if err != nil {
		t.Fatal(err)
	}
	_, missing := os.Stat(set + "x")
	for name, want := range map[string]string{
		"":                             "containerd.runhcs.v1.Options",
		"containerd.runhcs.v1.Options": "containerd.runhcs.v1.Options",
		written:                        "containerd.runhcs.v1.Options",
		set + ":mine.v1.Options":       "mine.v1.Options",
		"mine.v1.Options": "mine.v1.Options is not linked: want containerd.runhcs.v1.Options, " +
			"or file:name",
		set + ":mine.v1.Other":         "has no mine.v1.Other",
		set + ":mine.v1.Options.debug": "is no message",
		text + ":mine.v1.Options":      "not a descriptor set",
		set + "x:mine.v1.Options":      errors.Unwrap(missing).Error(),
		"google.protobuf.FileOptions":  "only proto3",
	} {
		mt, err := Find(name)
		if err != nil && !strings.Contains(err.Error(), want) || err == nil &&
			string(mt.Descriptor().FullName()) != want {
			t.Errorf("%s: %v, %v; want %s", name, mt, err, want)
		}
	}
}
