package process

import (
	"bytes"
	"errors"
	"fmt"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"shimfuzz/internal/contract"
	"shimfuzz/lab/conformance/protocol"
)

// Outcome returns the answer, as the contract names it, of a reader that reads Options
// of a type; if that is nil, the options are not decoded. The error is one of an
// answer that is not of the protocol.
func Outcome(a protocol.Answer, options protoreflect.MessageType) (contract.Outcome, error) {
	kind := contract.Kind(a.Outcome)
	switch kind {
	case contract.None:
		if len(a.Detail) > 0 {
			return contract.Outcome{}, fmt.Errorf("the answer none has %d bytes behind it, and must have none",
				len(a.Detail))
		}
		return contract.Outcome{Kind: kind}, nil
	case contract.Panic, contract.Hang:
		return contract.Outcome{Kind: kind, Panic: string(a.Detail)}, nil
	case contract.Error, contract.Read, contract.Malformed, contract.Foreign:
		return contract.Outcome{Kind: kind, Err: errors.New(string(a.Detail))}, nil
	case contract.Options:
		if options == nil {
			return contract.Outcome{Kind: kind}, nil
		}
		opts := options.New().Interface()
		// A reader that takes text that is not UTF-8 gives it back so: that is a wrong answer,
		// and none that cannot be read.
		if err := proto.Unmarshal(validText(a.Detail, options.Descriptor()), opts); err != nil {
			return contract.Outcome{}, fmt.Errorf("the options in the answer cannot be decoded: %w", err)
		}
		return contract.Outcome{Kind: kind, Options: opts}, nil
	}
	return contract.Outcome{}, fmt.Errorf("the answer %q is not an outcome (docs/conformance.md has them)", a.Outcome)
}

// validText returns a message in whose strings what is not UTF-8 is replaced by U+FFFD.
func validText(b []byte, md protoreflect.MessageDescriptor) (valid []byte) {
	for len(b) > 0 {
		num, typ, n := protowire.ConsumeField(b)
		if n < 0 {
			return append(valid, b...) // which does not decode
		}
		_, _, tag := protowire.ConsumeTag(b)
		field, fd := b[:n], md.Fields().ByNumber(num)
		b = b[n:]
		if typ != protowire.BytesType || fd == nil || fd.Kind() != protoreflect.StringKind && fd.Message() == nil {
			valid = append(valid, field...)
			continue
		}
		value, _ := protowire.ConsumeBytes(field[tag:])
		if fd.Message() != nil {
			value = validText(value, fd.Message())
		} else {
			value = bytes.ToValidUTF8(value, []byte("\ufffd"))
		}
		valid = protowire.AppendBytes(protowire.AppendTag(valid, num, typ), value)
	}
	return valid
}
