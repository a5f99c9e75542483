//go:build ignore

package main

import (
	"github.com/Microsoft/hcsshim/cmd/containerd-shim-runhcs-v1/options"
	"github.com/gogo/protobuf/proto"
)

func marshal(opts *options.Options) ([]byte, error) { return proto.Marshal(opts) }
