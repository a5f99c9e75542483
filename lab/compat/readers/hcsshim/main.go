//go:build shimfuzz

// Command hcsshim reads payloads with the extracted decoder of one of hcsshim's shims.
package main

import (
	"bytes"
	"reflect"

	"github.com/Microsoft/hcsshim/cmd/containerd-shim-runhcs-v1/options"
	"google.golang.org/protobuf/proto"

	_ "shimfuzz/extracted"
	"shimfuzz/internal/hcsshim"
	"shimfuzz/lab/conformance/protocol"
)

func main() {
	read := hcsshim.Current().ReadOptions
	protocol.Main(func(payload []byte) protocol.Answer { return answer(read(bytes.NewReader(payload))) })
}

// answer is what a readOptions has returned.
func answer(opts *options.Options, err error) protocol.Answer {
	switch {
	case err != nil && opts != nil:
		return protocol.Answer{Outcome: protocol.Panic, Detail: []byte("options together with an error: " +
			err.Error())}
	case err != nil:
		return protocol.Failed(err)
	case opts == nil:
		return protocol.Answer{Outcome: protocol.None}
	}
	return protocol.Encoded(marshal(opts))
}

// marshal encodes options without the fields that this release does not know. Before
// v0.12.0 they are of gogo/protobuf, and the module's Go has no any.
func marshal(opts *options.Options) ([]byte, error) {
	if old, ok := interface{}(opts).(interface{ Marshal() ([]byte, error) }); ok {
		reflect.ValueOf(opts).Elem().FieldByName("XXX_unrecognized").SetBytes(nil)
		return old.Marshal()
	}
	m := interface{}(opts).(proto.Message)
	m.ProtoReflect().SetUnknown(nil)
	return proto.Marshal(m)
}
