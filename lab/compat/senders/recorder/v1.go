//go:build ignore

package main

import (
	"context"

	"github.com/containerd/containerd/namespaces"
	_ "github.com/containerd/containerd/pkg/runtimeoptions/v1"
	"github.com/containerd/containerd/runtime"
	manager "github.com/containerd/containerd/runtime/v2"
	_ "github.com/containerd/containerd/runtime/v2/runc/options"
	"github.com/containerd/typeurl/v2"

	_ "github.com/Microsoft/hcsshim/cmd/containerd-shim-runhcs-v1/options"
)

// start makes containerd 1.7 start the shim.
func (r *request) start(ctx context.Context, opts typeurl.Any) (unsupported string, err error) {
	if r.Action == "info" {
		return "-info", nil
	}
	if r.SocketDir != "" {
		return "socket directories", nil
	}
	ctx = namespaces.WithNamespace(ctx, r.Namespace)
	m, err := manager.NewShimManager(ctx, &manager.ManagerConfig{Root: r.Root, State: r.State, Address: r.GRPC,
		TTRPCAddress: r.TTRPC})
	if err != nil || r.Action == "delete" {
		return "", err // a new manager deletes what is left
	}
	_, err = m.Start(ctx, r.ID, runtime.CreateOpts{Spec: spec{}, Runtime: r.Shim, RuntimeOptions: opts})
	return "", err
}
