package process

import (
	"bytes"
	"errors"
	"fmt"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"shimfuzz/internal/contract"
	"shimfuzz/internal/wire"
	"shimfuzz/lab/conformance/protocol"
)

// Outcome returns the answer, as the contract names it, of a reader that reads Options
// of a type; if that is nil, the options are not decoded. The error is one of an
// answer that is not of the protocol.
func Outcome(a protocol.Answer, options protoreflect.MessageType) (o contract.Outcome, err error) {
	o.Kind = contract.Kind(a.Outcome)
	switch o.Kind {
	case contract.None:
		if n := len(a.Detail); n > 0 {
			err = fmt.Errorf("the answer none has %d bytes behind it, and must have none", n)
		}
	case contract.Panic, contract.Hang:
		o.Panic = string(a.Detail)
	case contract.Error, contract.Read, contract.Malformed, contract.Foreign:
		o.Err = errors.New(string(a.Detail))
	case contract.Options:
		if options == nil {
			break
		}
		o.Options = options.New().Interface()
		// A reader that takes text that is not UTF-8, or does not look into a value, gives it back so:
		// that is a wrong answer, and not one that is not of the protocol.
		if proto.Unmarshal(validText(a.Detail, options.Descriptor()), o.Options) != nil {
			o = contract.Outcome{Kind: contract.OptionsAndError,
				Err: errors.New("the options in the answer cannot be decoded")}
		}
	default:
		err = fmt.Errorf("the answer %q is not an outcome (docs/conformance.md has them)", a.Outcome)
	}
	return o, err
}

// validText returns a message in whose strings what is not UTF-8 is replaced by U+FFFD.
func validText(b []byte, md protoreflect.MessageDescriptor) (valid []byte) {
	fields, rest := wire.Parse(b)
	for _, f := range fields {
		fd := md.Fields().ByNumber(f.Num)
		switch {
		case fd == nil || f.Type != protowire.BytesType || fd.Message() == nil && fd.Kind() != protoreflect.StringKind:
			valid = append(valid, f.Raw...)
		case fd.Message() != nil:
			valid = wire.Bytes(f.Num, validText(f.Value, fd.Message())).Append(valid)
		default:
			valid = wire.Bytes(f.Num, bytes.ToValidUTF8(f.Value, []byte("\ufffd"))).Append(valid)
		}
	}
	return append(valid, rest...) // which does not decode
}
