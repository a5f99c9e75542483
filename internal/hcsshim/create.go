package hcsshim

import (
	"io"

	"github.com/Microsoft/hcsshim/cmd/containerd-shim-runhcs-v1/options"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
)

// OfRequest makes a Read of what takes the request.
//
// Without an Any a place goes on with what its variable was declared with: empty
// Options in createInternal, nil in newHcsTask. Both mean that no options were sent.
func OfRequest[R proto.Message](decode func(R) (*options.Options, error)) func(io.Reader) (*options.Options, error) {
	return func(r io.Reader) (*options.Options, error) {
		b, err := io.ReadAll(r)
		if err != nil {
			return nil, err
		}
		req, err := request[R](b)
		if err != nil {
			return nil, err
		}
		opts, err := decode(req)
		if len(b) == 0 && err == nil && proto.Size(opts) == 0 {
			return nil, nil
		}
		return opts, err
	}
}

// request makes a CreateTaskRequest whose options are an Any of these bytes, as
// ttrpc does before it calls the shim.
func request[R proto.Message](b []byte) (R, error) {
	var none R
	m := none.ProtoReflect().New()
	if len(b) == 0 {
		return m.Interface().(R), nil
	}
	field := m.Descriptor().Fields().ByName("options").Number()
	message := protowire.AppendBytes(protowire.AppendTag(nil, field, protowire.BytesType), b)
	err := proto.Unmarshal(message, m.Interface())
	return m.Interface().(R), err
}
