package hcsshim

import (
	"io"

	"github.com/Microsoft/hcsshim/cmd/containerd-shim-runhcs-v1/options"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
)

// OfRequest makes a Read of what takes the request, whose options are an Any of the bytes, as ttrpc
// makes it before it calls the shim.
//
// Without an Any a place goes on with what its variable was declared with: empty
// Options in createInternal, nil in newHcsTask. Both mean that no options were sent.
func OfRequest[R proto.Message](decode func(R) (*options.Options, error)) func(io.Reader) (*options.Options, error) {
	return func(r io.Reader) (*options.Options, error) {
		b, err := io.ReadAll(r)
		if err != nil {
			return nil, err
		}
		var none R
		m := none.ProtoReflect().New()
		if len(b) > 0 {
			field := m.Descriptor().Fields().ByName("options").Number()
			message := protowire.AppendBytes(protowire.AppendTag(nil, field, protowire.BytesType), b)
			if err := proto.Unmarshal(message, m.Interface()); err != nil {
				return nil, err
			}
		}
		opts, err := decode(m.Interface().(R))
		if len(b) == 0 && err == nil && proto.Size(opts) == 0 {
			return nil, nil
		}
		return opts, err
	}
}
