// Command reference reads payloads with the reference decoder. make -C lab conformance must
// find nothing wrong with it.
package main

import (
	"bytes"
	"errors"

	"github.com/Microsoft/hcsshim/cmd/containerd-shim-runhcs-v1/options"
	"google.golang.org/protobuf/proto"

	"shimfuzz/internal/reference"
	"shimfuzz/lab/conformance/protocol"
)

func main() {
	protocol.Main(func(payload []byte) protocol.Answer {
		return answer(reference.ReadOptions(bytes.NewReader(payload)))
	})
}

func answer(opts *options.Options, err error) protocol.Answer {
	switch {
	case errors.Is(err, reference.ErrMalformed):
		return protocol.Answer{Outcome: "error/malformed", Detail: []byte(err.Error())}
	case errors.Is(err, reference.ErrForeign):
		return protocol.Answer{Outcome: "error/foreign", Detail: []byte(err.Error())}
	case err != nil:
		return protocol.Failed(err)
	case opts == nil:
		return protocol.Answer{Outcome: protocol.None}
	}
	opts.ProtoReflect().SetUnknown(nil)
	return protocol.Encoded(proto.Marshal(opts))
}
