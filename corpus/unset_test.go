package corpus

import (
	"slices"
	"testing"

	"shimfuzz/internal/contract"
	"shimfuzz/internal/stdin"

	"github.com/Microsoft/hcsshim/cmd/containerd-shim-runhcs-v1/options"
	bootstrap "github.com/containerd/containerd/api/runtime/bootstrap/v1"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protopath"
	"google.golang.org/protobuf/reflect/protorange"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/dynamicpb"
)

// Every field of the messages under test has a case. For a field that came with
// another release add some, with its values at the edges of their range, and say in
// docs/contract.md what it is.
func TestEveryFieldHasACase(t *testing.T) {
	cases, err := Load()
	if err != nil {
		t.Fatal(err)
	}
	params := new(bootstrap.BootstrapParams).ProtoReflect().Descriptor()
	opts := new(options.Options).ProtoReflect().Descriptor()
	for _, name := range unset(cases, params, opts) {
		t.Errorf("no case of the corpus sets %s", name)
	}
	// One case alone leaves fields of each message without one.
	left := unset(cases[:1], params, opts)
	for _, md := range []protoreflect.MessageDescriptor{params, params.Fields().ByName("extensions").Message(), opts} {
		if !slices.ContainsFunc(left, func(name protoreflect.FullName) bool { return name.Parent() == md.FullName() }) {
			t.Errorf("one case sets every field of %s, by unset", md.FullName())
		}
	}
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
