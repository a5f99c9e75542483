// Command reference reads payloads with the reference decoder. make conformance
// must find nothing wrong with it.
package main

import (
	"bytes"
	"errors"

	"google.golang.org/protobuf/proto"

	"shimfuzz/internal/interop/protocol"
	"shimfuzz/internal/reference"
)

func main() { protocol.Main(decode) }

func decode(payload []byte) protocol.Answer {
	opts, err := reference.ReadOptions(bytes.NewReader(payload))
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
