//go:build ignore

package main

import (
	"github.com/Microsoft/hcsshim/cmd/containerd-shim-runhcs-v1/options"
	"github.com/gogo/protobuf/proto"
)

// marshal encodes options without the fields that this release does not know.
func marshal(opts *options.Options) ([]byte, error) {
	opts.XXX_unrecognized = nil
	return proto.Marshal(opts)
}
