package corpus

import (
	"slices"
	"testing"

	"shimfuzz/internal/contract"
	"shimfuzz/internal/stdin"

	"github.com/Microsoft/hcsshim/cmd/containerd-shim-runhcs-v1/options"
	bootstrap "github.com/containerd/containerd/api/runtime/bootstrap/v1"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protopath"
	"google.golang.org/protobuf/reflect/protorange"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"
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
	for _, name := range unset(cases, params, opts) {
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
		if got := unset(cases, p, o); !slices.Equal(got, want) {
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

// unset returns the fields of BootstrapParams and of Options, and of the messages in
// them, that no case sets.
func unset(cases []Case, params, opts protoreflect.MessageDescriptor) (names []protoreflect.FullName) {
	set := make(map[protoreflect.FullName]bool)
	note := func(md protoreflect.MessageDescriptor, b []byte) {
		m := dynamicpb.NewMessage(md)
		if proto.Unmarshal(b, m) != nil {
			return // a damaged message is no case of its fields
		}
		_ = protorange.Range(m, func(p protopath.Values) error { // it has this function's errors only
			if step := p.Index(-1).Step; step.Kind() == protopath.FieldAccessStep {
				set[step.FieldDescriptor().FullName()] = true
			}
			return nil
		})
	}
	for _, c := range cases {
		if stdin.IsBootstrap(c.Payload.Bytes) {
			note(params, c.Payload.Bytes)
		}
		if c.Outcome == contract.Options {
			note(opts, stdin.OptionsBytes(c.Payload.Bytes))
		}
	}
	for _, md := range []protoreflect.MessageDescriptor{params, opts} {
		for name := range fieldsOf(md, make(map[protoreflect.FullName]bool)) {
			if !set[name] {
				names = append(names, name)
			}
		}
	}
	slices.Sort(names)
	return names
}

// fieldsOf adds the fields of md, and of the messages in it, to all.
func fieldsOf(md protoreflect.MessageDescriptor, all map[protoreflect.FullName]bool) map[protoreflect.FullName]bool {
	for i := range md.Fields().Len() {
		fd := md.Fields().Get(i)
		if all[fd.FullName()] {
			continue
		}
		all[fd.FullName()] = true
		if fd.Message() != nil && !fd.IsMap() {
			fieldsOf(fd.Message(), all)
		}
	}
	return all
}
