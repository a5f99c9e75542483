//go:build shimfuzz

package main

import (
	"context"

	"github.com/containerd/containerd/namespaces"
	"github.com/containerd/containerd/runtime"
	v2 "github.com/containerd/containerd/runtime/v2"
	"github.com/containerd/typeurl/v2"

	"shimfuzz/lab/compat/senders/order"
)

// ask makes a new manager start a shim. It deletes what is left when it is made.
func ask(ctx context.Context, r order.Start, shim string, opts typeurl.Any) error {
	shims, err := v2.NewShimManager(ctx, &v2.ManagerConfig{Root: root, State: state, Address: order.GRPC,
		TTRPCAddress: order.TTRPC})
	if err != nil || r.Action == "delete" {
		return err
	}
	_, err = shims.Start(namespaces.WithNamespace(ctx, order.Namespace), order.ID,
		runtime.CreateOpts{Spec: spec, Runtime: shim, RuntimeOptions: opts})
	return err
}
