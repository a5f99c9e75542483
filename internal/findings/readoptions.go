package findings

import (
	"encoding/json"
	"reflect"
	_ "unsafe" // for the linkname

	"github.com/Microsoft/hcsshim/cmd/containerd-shim-runhcs-v1/options"
	bootstrap "github.com/containerd/containerd/api/runtime/bootstrap/v1"
	_ "github.com/containerd/typeurl/v2" // for jsonTypes
	"golang.org/x/mod/semver"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/known/anypb"

	"shimfuzz/internal/contract"
	"shimfuzz/internal/grammar"
	"shimfuzz/internal/reference"
	"shimfuzz/internal/stdin"
)

// jsonTypes are the types that are registered with typeurl, by their type URLs:
// it decodes these from JSON. typeurl exports no look-up by URL. Tried instead:
// typeurl.UnmarshalByTypeURL says whether a URL is known, but then the defects of
// typeurl that mutation testing plants are predicted along with hcsshim's, and
// excused (14 mutants).
//
//go:linkname jsonTypes github.com/containerd/typeurl/v2.registry
var jsonTypes map[reflect.Type]string

// readAny is what hcsshim makes of a payload as an Any: a message of the type
// that is registered under the type URL, and false if no type is, or the value does
// not decode. It does not call typeurl, see jsonTypes.
func (l List) readAny(b []byte) (any, bool) {
	var a anypb.Any
	if proto.Unmarshal(b, &a) != nil {
		return nil, false
	}
	for t, url := range jsonTypes {
		if url == a.GetTypeUrl() {
			v := reflect.New(t).Interface()
			return v, json.Unmarshal(a.GetValue(), v) == nil
		}
	}
	t, err := protoregistry.GlobalTypes.FindMessageByURL(a.GetTypeUrl())
	if err != nil || l.lacks(t.Descriptor()) {
		return nil, false
	}
	m := t.New().Interface()
	return m, proto.Unmarshal(a.GetValue(), m) == nil
}

// lacks reports whether a message is not linked into the program: the suite links
// BootstrapParams, and a release of before these does not know their name.
func (l List) lacks(md protoreflect.MessageDescriptor) bool {
	return l.Released && semver.Compare(l.Version, BootstrapSupport) < 0 &&
		md.ParentFile().Package() == bootstrap.File_runtime_bootstrap_v1_bootstrap_proto.Package()
}

var (
	none   = contract.Outcome{Kind: contract.None}
	failed = contract.Outcome{Kind: contract.Error}
)

// identities reports whether the payload is BootstrapParams, or an ID and a
// namespace only, which looks the same but for the fields that are missing.
func identities(b []byte, want contract.Outcome) bool {
	return stdin.IsBootstrap(b) || want.Kind == contract.None && len(b) > 0
}

func bootstrapRejected(l List, b []byte, want contract.Outcome) (contract.Outcome, bool) {
	_, readable := l.readAny(b)
	return failed, !want.Kind.IsError() && identities(b, want) && !readable
}

func foreignTypePanics(l List, b []byte, _ contract.Outcome) (contract.Outcome, bool) {
	v, readable := l.readAny(b)
	_, isOptions := v.(*options.Options)
	return contract.Outcome{Kind: contract.Panic, Panic: "interface conversion: "}, readable && !isOptions
}

func identityMisread(l List, b []byte, want contract.Outcome) (contract.Outcome, bool) {
	v, readable := l.readAny(b)
	if !readable || !identities(b, want) {
		return contract.Outcome{}, false
	}
	if opts, ok := v.(*options.Options); ok {
		return grammar.Sent(opts), true
	}
	return failed, true
}

// groupHidesBadFieldNumber predicts the answer of a reader that accepts such numbers.
func groupHidesBadFieldNumber(l List, b []byte, want contract.Outcome) (contract.Outcome, bool) {
	in := contract.Stdin
	if l.Program == Create {
		in = contract.Create
	}
	accepted := reference.AnswerWithBadNumbers(in, b)
	if want.Kind != contract.Malformed || accepted.Kind == contract.Malformed {
		return contract.Outcome{}, false
	}
	_, got := l.Predict(b, accepted)
	if got.Kind.IsError() { // of another kind, which hcsshim does not tell
		return failed, true
	}
	return got, true
}

// isDefault predicts that legacy payloads are dropped that are no Any to hcsshim but
// decode as BootstrapParams, depending on the right answer and on their type URL.
func isDefault(affects func(want contract.Kind, url string) bool) Prediction {
	return func(l List, b []byte, want contract.Outcome) (contract.Outcome, bool) {
		url, _ := stdin.AnyParts(b)
		if !affects(want.Kind, url) || stdin.IsBootstrap(b) {
			return none, false
		}
		_, readable := l.readAny(b)
		return none, !readable && proto.Unmarshal(b, new(bootstrap.BootstrapParams)) == nil
	}
}

func corrupt(want contract.Kind, _ string) bool   { return want == contract.Malformed }
func foreign(want contract.Kind, url string) bool { return want == contract.Foreign && url != "" }
func untyped(want contract.Kind, url string) bool { return want == contract.Foreign && url == "" }
