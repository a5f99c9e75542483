// Command reference reads payloads with the reference decoder. make -C lab conformance must
// find nothing wrong with it.
package main

import (
	"google.golang.org/protobuf/proto"

	"shimfuzz/internal/contract"
	"shimfuzz/internal/reference"
	"shimfuzz/lab/conformance/protocol"
)

func main() { protocol.Main(answer) }

func answer(payload []byte) protocol.Answer {
	switch o := reference.Answer(payload); o.Kind {
	case contract.None:
		return protocol.Answer{Outcome: protocol.None}
	case contract.Options:
		o.Options.ProtoReflect().SetUnknown(nil)
		return protocol.Encoded(proto.Marshal(o.Options))
	default:
		return protocol.Answer{Outcome: string(o.Kind), Detail: []byte(o.Err.Error())}
	}
}
