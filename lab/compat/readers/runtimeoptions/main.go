//go:build shimfuzz

// Command runtimeoptions reads payloads with containerd's ReadRuntimeOptions, as a
// shim with runhcs Options does that uses containerd's package shim.
package main

import (
	"bytes"
	"errors"

	"github.com/Microsoft/hcsshim/cmd/containerd-shim-runhcs-v1/options"
	"github.com/containerd/containerd/v2/pkg/shim"
	"github.com/containerd/errdefs"
	"google.golang.org/protobuf/proto"

	"shimfuzz/lab/conformance/protocol"
)

func main() { protocol.Main(decode) }

func decode(payload []byte) protocol.Answer {
	opts, err := shim.ReadRuntimeOptions[*options.Options](bytes.NewReader(payload))
	switch {
	case errors.Is(err, errdefs.ErrNotFound):
		return protocol.Answer{Outcome: protocol.None}
	case err != nil:
		return protocol.Failed(err)
	}
	opts.ProtoReflect().SetUnknown(nil)
	return protocol.Encoded(proto.Marshal(opts))
}
