//go:build ignore

package main

import (
	"context"
	"reflect"

	"github.com/containerd/containerd/api/types"
	_ "github.com/containerd/containerd/api/types/runc/options"
	_ "github.com/containerd/containerd/api/types/runtimeoptions/v1"
	"github.com/containerd/containerd/v2/core/runtime"
	manager "github.com/containerd/containerd/v2/core/runtime/v2"
	"github.com/containerd/containerd/v2/pkg/namespaces"
	"github.com/containerd/typeurl/v2"

	_ "github.com/Microsoft/hcsshim/cmd/containerd-shim-runhcs-v1/options"
)

// start makes containerd 2 start the shim.
func (r *request) start(ctx context.Context, opts typeurl.Any) (unsupported string, err error) {
	config := &manager.ManagerConfig{Address: r.GRPC, TTRPCAddress: r.TTRPC}
	if r.SocketDir != "" {
		field := reflect.ValueOf(config).Elem().FieldByName("SocketDir") // since 2.3
		if !field.IsValid() {
			return "socket directories", nil
		}
		field.SetString(r.SocketDir)
	}
	m, err := manager.NewShimManager(config)
	if err != nil {
		return "", err
	}
	ctx = namespaces.WithNamespace(ctx, r.Namespace)
	switch r.Action {
	case "info":
		tasks, err := manager.NewTaskManager(ctx, r.Root, r.State, m)
		if err != nil {
			return "", err
		}
		_, err = tasks.PluginInfo(ctx, &types.RuntimeRequest{RuntimePath: r.Shim, Options: typeurl.MarshalProto(opts)})
		return "", err
	case "delete":
		return "", m.LoadExistingShims(ctx, r.State, r.Root)
	}
	bundle, err := manager.NewBundle(ctx, r.Root, r.State, r.ID, spec{})
	if err != nil {
		return "", err
	}
	_, err = m.Start(ctx, r.ID, bundle, runtime.CreateOpts{Spec: spec{}, Runtime: r.Shim, RuntimeOptions: opts})
	return "", err
}
