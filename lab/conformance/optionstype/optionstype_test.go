package optionstype

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/types/descriptorpb"
)

func TestFind(t *testing.T) {
	t.Chdir(t.TempDir())
	if _, err := WriteDescriptors(); err != nil {
		t.Fatal(err)
	}
	set, err := proto.Marshal(&descriptorpb.FileDescriptorSet{File: []*descriptorpb.FileDescriptorProto{
		protodesc.ToFileDescriptorProto(descriptorpb.File_google_protobuf_descriptor_proto)}})
	if err != nil {
		t.Fatal(err)
	}
	for file, b := range map[string][]byte{"set": set, "text": []byte("message Options {}")} {
		if err := os.WriteFile(file, b, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	for name, want := range map[string]string{
		"containerd.runhcs.v1.Options":                      "containerd.runhcs.v1.Options",
		"google.protobuf.Any":                               "google.protobuf.Any",
		Descriptors + ":containerd.runhcs.v1.Options":       "containerd.runhcs.v1.Options",
		"mine.v1.Options":                                   "make -C lab descriptors lists what is linked",
		Descriptors + ":containerd.runhcs.v1.Options.debug": "has no message",
		"text:mine.v1.Options":                              "not a descriptor set",
		"missing:mine.v1.Other":                             "missing",
		"set:google.protobuf.FileOptions":                   "only proto3",
	} {
		mt, err := Find(name)
		got := fmt.Sprint(err)
		if err == nil {
			got = string(mt.Descriptor().FullName())
		}
		if !strings.Contains(got, want) {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
}

// The descriptor set has what its messages need, and a right one is left alone.
func TestWriteDescriptors(t *testing.T) {
	t.Chdir(t.TempDir())
	var written [2]os.FileInfo
	for i := range written {
		messages, err := WriteDescriptors()
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range messages {
			if _, err := Find(name); err != nil {
				t.Error(err)
			}
		}
		if written[i], err = os.Stat(Descriptors); err != nil {
			t.Fatal(err)
		}
	}
	if !os.SameFile(written[0], written[1]) || !written[0].ModTime().Equal(written[1].ModTime()) {
		t.Error("the right file is written again")
	}
}
