//go:build shimfuzz

package main

import (
	"context"
	"reflect"

	"github.com/containerd/containerd/api/types"
	"github.com/containerd/containerd/v2/core/runtime"
	v2 "github.com/containerd/containerd/v2/core/runtime/v2"
	"github.com/containerd/containerd/v2/pkg/namespaces"
	"github.com/containerd/typeurl/v2"

	"shimfuzz/lab/compat/senders/order"
)

// ask makes a new manager start a shim, or tell of one, or delete what is left.
func ask(ctx context.Context, r order.Start, shim string, opts typeurl.Any) error {
	ctx = namespaces.WithNamespace(ctx, order.Namespace)
	config := &v2.ManagerConfig{Address: order.GRPC, TTRPCAddress: order.TTRPC}
	if r.SocketDir != "" { // the field is there since 2.3
		reflect.ValueOf(config).Elem().FieldByName("SocketDir").SetString(r.SocketDir)
	}
	shims, err := v2.NewShimManager(config)
	if err != nil {
		return err
	}
	switch r.Action {
	case "info":
		tasks, err := v2.NewTaskManager(ctx, root, state, shims)
		if err != nil {
			return err
		}
		_, err = tasks.PluginInfo(ctx, &types.RuntimeRequest{RuntimePath: shim, Options: typeurl.MarshalProto(opts)})
		return err
	case "delete":
		return shims.LoadExistingShims(ctx, state, root)
	}
	bundle, err := v2.NewBundle(ctx, root, state, order.ID, spec)
	if err != nil {
		return err
	}
	_, err = shims.Start(ctx, order.ID, bundle, runtime.CreateOpts{Spec: spec, Runtime: shim, RuntimeOptions: opts})
	return err
}
