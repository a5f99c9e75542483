package corpus

import (
	"slices"
	"testing"

	"github.com/Microsoft/hcsshim/cmd/containerd-shim-runhcs-v1/options"
	bootstrap "github.com/containerd/containerd/api/runtime/bootstrap/v1"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"
)

func messages() (params, opts protoreflect.MessageDescriptor) {
	return new(bootstrap.BootstrapParams).ProtoReflect().Descriptor(), new(options.Options).ProtoReflect().Descriptor()
}

// Every field of the messages under test has a case. For a field that came with
// another release add one to corpus/table/derived.go, or to senders.go if it is of
// BootstrapParams, and say in docs/contract.md what it is.
func TestEveryFieldHasACase(t *testing.T) {
	cases, err := Load()
	if err != nil {
		t.Fatal(err)
	}
	params, opts := messages()
	for _, name := range Unset(cases, params, opts) {
		t.Errorf("no case of the corpus sets %s", name)
	}
}

// A field that comes to either message, or to one in it, is one without a case.
func TestUnset(t *testing.T) {
	cases, err := Load()
	if err != nil {
		t.Fatal(err)
	}
	params, opts := messages()
	for _, in := range []protoreflect.MessageDescriptor{params, params.Fields().ByName("extensions").Message(), opts} {
		changed := withField(t, in).Messages()
		p, o := params, opts
		if in == opts {
			o = changed.ByName(opts.Name())
		} else {
			p = changed.ByName(params.Name())
		}
		want := []protoreflect.FullName{in.FullName().Append("new_field")}
		if got := Unset(cases, p, o); !slices.Equal(got, want) {
			t.Errorf("without a case are %v, want %v", got, want)
		}
	}
}

// withField returns the message's file with one more field in it.
func withField(t *testing.T, md protoreflect.MessageDescriptor) protoreflect.FileDescriptor {
	t.Helper()
	file := protodesc.ToFileDescriptorProto(md.ParentFile())
	m := file.MessageType[md.Index()]
	m.Field = append(m.Field, &descriptorpb.FieldDescriptorProto{Name: proto.String("new_field"),
		Number: proto.Int32(1000),
		Type:   descriptorpb.FieldDescriptorProto_TYPE_STRING.Enum(),
		Label:  descriptorpb.FieldDescriptorProto_LABEL_OPTIONAL.Enum()})
	changed, err := protodesc.NewFile(file, protoregistry.GlobalFiles)
	if err != nil {
		t.Fatal(err)
	}
	return changed
}
