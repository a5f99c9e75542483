//go:build ignore

// Command runtimeoptions reads payloads with containerd's ReadRuntimeOptions, as a
// shim with runhcs Options does that uses containerd's package shim.
package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"

	"github.com/Microsoft/hcsshim/cmd/containerd-shim-runhcs-v1/options"
	"github.com/containerd/containerd/v2/pkg/shim"
	"github.com/containerd/errdefs"
	"google.golang.org/protobuf/proto"

	"shimfuzz/internal/interop/protocol"
)

func main() {
	if err := protocol.Serve(os.Stdin, os.Stdout, decode); err != nil {
		fmt.Fprintln(os.Stderr, "runtimeoptions:", err)
		os.Exit(1)
	}
}

func decode(payload []byte) protocol.Answer {
	opts, err := shim.ReadRuntimeOptions[*options.Options](bytes.NewReader(payload))
	switch {
	case errors.Is(err, errdefs.ErrNotFound):
		return protocol.Answer{Outcome: protocol.None}
	case err != nil:
		return protocol.Failed(err)
	}
	opts.ProtoReflect().SetUnknown(nil)
	b, err := proto.Marshal(opts)
	if err != nil {
		return protocol.Failed(err)
	}
	return protocol.Answer{Outcome: protocol.Options, Detail: b}
}
