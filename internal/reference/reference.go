// Package reference decodes what containerd writes to a runhcs shim's standard
// input, by the contract: BootstrapParams and its runhcs Options extension from
// containerd 2.3 on, the bare Any of older containerd, and neither mistaken for
// the other. It also decodes the Any of CreateTaskRequest.Options, and says which
// answers the contract allows to any payload, also of Options of another type.
//
// It implements the recognition rules R1 to R4, and C1 to C3, of docs/contract.md. Its answer
// depends on the bytes alone. In particular no type name is looked
// up in the global protobuf registry, so it is the same in every binary.
package reference

import (
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"

	"github.com/Microsoft/hcsshim/cmd/containerd-shim-runhcs-v1/options"
	bootstrap "github.com/containerd/containerd/api/runtime/bootstrap/v1"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/known/anypb"
)

// The three ways in which no options can be had. Every error of this package wraps one of them,
// to be told apart with errors.Is, and its cause. It says what was wrong with the input, and
// where: in which family, once that is known, and at which path of fields.
var (
	ErrRead      = errors.New("cannot read the shim options")
	ErrMalformed = errors.New("malformed shim options")
	ErrForeign   = errors.New("shim options of another type")
)

// ReadOptions reads r to its end and decodes the shim options there. It returns
// nil and no error if none were sent. With an error the options are nil.
func ReadOptions(r io.Reader) (*options.Options, error) { return readAll(r, RunHCS.read) }

// Type is a type of Options that shims read, each its own.
type Type struct {
	message    protoreflect.MessageType
	badNumbers bool // accept field numbers above 2^29-1 in groups
}

// RunHCS is the type that hcsshim's shims read.
var RunHCS = TypeOf((*options.Options)(nil).ProtoReflect().Type())

// TypeOf returns the type of a message of proto3 syntax.
func TypeOf(message protoreflect.MessageType) Type { return Type{message: message} }

// read decodes the standard input of a shim that reads options of the type.
func (t Type) read(payload []byte) (proto.Message, error) {
	if len(payload) == 0 {
		return nil, nil
	}
	isBootstrap, err := t.isBootstrapParams(slices.Clone(payload))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	if isBootstrap {
		return t.inParams(payload)
	}
	return t.inLegacy(payload)
}

// isBootstrapParams distinguishes the two families by the fields of BootstrapParams that
// an Any does not have, log_level (3) to socket_dir (9). containerd sets containerd_version
// (4) and the addresses (5, 6) on every start, so one of these always stands there.
// Decoding success cannot distinguish them: an Any with a value that happens to
// be valid UTF-8 is a well-formed BootstrapParams, and the other way round. It
// fails if b, which is made plain, is not a protobuf message even to the most lenient reader.
func (t Type) isBootstrapParams(b []byte) (bool, error) {
	found := false
	for at := 0; at < len(b); {
		f := t.lenient().field(b[at:], 0)
		if f.size == 0 {
			return false, fmt.Errorf("no protobuf message: at byte %d: no whole field", at)
		}
		if f.num == 3 && f.typ == protowire.VarintType || f.num >= 4 && f.num <= 9 && f.typ == protowire.BytesType {
			found = true
		}
		at += f.size
	}
	return found, nil
}

// inParams returns the first Options among the extensions of BootstrapParams (R3).
// Extensions of other types are another reader's.
func (t Type) inParams(payload []byte) (proto.Message, error) {
	var params bootstrap.BootstrapParams
	if err := t.unmarshal(payload, &params); err != nil {
		return nil, fmt.Errorf("%w: BootstrapParams: %w", ErrMalformed, err)
	}
	for i, ext := range params.GetExtensions() {
		url := ext.GetValue().GetTypeUrl()
		if !t.isNamed(url) {
			continue
		}
		opts := t.message.New().Interface()
		if err := t.unmarshal(ext.GetValue().GetValue(), opts); err != nil {
			return nil, fmt.Errorf("%w: BootstrapParams.extensions[%d].value: type URL %q: %w", ErrMalformed, i, url,
				err)
		}
		return opts, nil
	}
	return nil, nil
}

// inLegacy returns the Options in a bare Any (R4a). The one other message
// that is not an error (R4c) is a well-formed BootstrapParams of only an ID and a
// namespace, which carries no options (R4b).
func (t Type) inLegacy(payload []byte) (proto.Message, error) {
	var a anypb.Any
	if err := t.unmarshal(payload, &a); err != nil {
		return nil, fmt.Errorf("%w: Any: %w", ErrMalformed, err)
	}
	isMinimal := isIdentifier(a.GetTypeUrl()) && isIdentifier(string(a.GetValue())) &&
		t.unmarshal(payload, new(bootstrap.BootstrapParams)) == nil
	if isMinimal && !t.isNamed(a.GetTypeUrl()) {
		return nil, nil
	}
	return t.inAny(&a)
}

// inAny returns the Options in an Any (C1 to C3).
func (t Type) inAny(a *anypb.Any) (proto.Message, error) {
	if !t.isNamed(a.GetTypeUrl()) {
		return nil, fmt.Errorf("%w: Any.type_url: type URL %q: want %s", ErrForeign, a.GetTypeUrl(),
			t.message.Descriptor().FullName())
	}
	opts := t.message.New().Interface()
	if err := t.unmarshal(a.GetValue(), opts); err != nil {
		return nil, fmt.Errorf("%w: Any.value: type URL %q: %w", ErrMalformed, a.GetTypeUrl(), err)
	}
	return opts, nil
}

// isNamed reports whether a type URL names the type. What precedes the last slash
// says where the type is described and means nothing here.
func (t Type) isNamed(url string) bool {
	return url[strings.LastIndexByte(url, '/')+1:] == string(t.message.Descriptor().FullName())
}

// identifier and maxIdentifier are what containerd requires of container IDs
// and namespaces (github.com/containerd/containerd/v2/pkg/identifiers).
var identifier = regexp.MustCompile(`^[A-Za-z0-9]+(?:[._-](?:[A-Za-z0-9]+))*$`)

const maxIdentifier = 76

func isIdentifier(s string) bool {
	return len(s) <= maxIdentifier && identifier.MatchString(s)
}

// unmarshal decodes strictly. Extension fields are left unresolved, because
// resolving them would ask the global registry. Of what proto.Unmarshal accepts the most
// lenient reader refuses field numbers above 2^29-1 inside groups alone.
func (t Type) unmarshal(b []byte, m proto.Message) error {
	err := proto.UnmarshalOptions{Resolver: new(protoregistry.Types)}.Unmarshal(b, m)
	if err != nil {
		return err
	}
	if !t.isMessage(b, m.ProtoReflect().Descriptor()) {
		return fmt.Errorf("field number above %d in a group", protowire.MaxValidNumber)
	}
	return nil
}
