//go:build ignore

package main

import (
	"github.com/Microsoft/hcsshim/cmd/containerd-shim-runhcs-v1/options"
	"google.golang.org/protobuf/proto"
)

func marshal(opts *options.Options) ([]byte, error) { return proto.Marshal(opts) }
