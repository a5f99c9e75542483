package optionstype

import (
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
	b, err := proto.Marshal(&descriptorpb.FileDescriptorSet{File: []*descriptorpb.FileDescriptorProto{fd,
		protodesc.ToFileDescriptorProto(descriptorpb.File_google_protobuf_descriptor_proto)}})
	if err != nil {
		t.Fatal(err)
	}
	set, text := write("set", b), write("text", []byte("message Options {}"))
	if _, err := WriteDescriptors(dir); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"containerd.runhcs.v1.Options":       "containerd.runhcs.v1.Options",
		set + ":mine.v1.Options":             "mine.v1.Options",
		"mine.v1.Options":                    "has no mine.v1.Options: make -C lab descriptors lists",
		set + ":mine.v1.Other":               "has no mine.v1.Other",
		set + ":mine.v1.Options.debug":       "is no message",
		text + ":mine.v1.Options":            "not a descriptor set",
		set + "x:mine.v1.Options":            "setx",
		set + ":google.protobuf.FileOptions": "only proto3",
	} {
		mt, err := Find(dir, name)
		if err != nil && !strings.Contains(err.Error(), want) || err == nil && string(mt.Descriptor().FullName()) != want {
			t.Errorf("%s: %v, %v; want %s", name, mt, err, want)
		}
	}
}

// The descriptor set has all that its Options need, and a right one is left alone.
func TestWriteDescriptors(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, Descriptors)
	var written [2]os.FileInfo
	for i := range written {
		messages, err := WriteDescriptors(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range messages {
			if _, err := Find(dir, name); err != nil {
				t.Error(err)
			}
		}
		if written[i], err = os.Stat(file); err != nil {
			t.Fatal(err)
		}
	}
	if !os.SameFile(written[0], written[1]) {
		t.Error("the right file is written again")
	}
}
