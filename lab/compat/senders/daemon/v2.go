//go:build shimfuzz

package main

import (
	"context"
	"reflect"

	"github.com/containerd/containerd/api/types"
	_ "github.com/containerd/containerd/api/types/runtimeoptions/v1"
	"github.com/containerd/containerd/v2/client"
	"github.com/containerd/containerd/v2/cmd/containerd/server/config"
	"github.com/containerd/containerd/v2/core/runtime"
	v2 "github.com/containerd/containerd/v2/core/runtime/v2"
	"github.com/containerd/containerd/v2/core/sandbox"
	cri "github.com/containerd/containerd/v2/internal/cri/config"
	"github.com/containerd/containerd/v2/plugins"
	_ "github.com/containerd/containerd/v2/plugins/content/local/plugin"
	_ "github.com/containerd/containerd/v2/plugins/cri/runtime"
	_ "github.com/containerd/containerd/v2/plugins/events"
	_ "github.com/containerd/containerd/v2/plugins/metadata"
	_ "github.com/containerd/containerd/v2/plugins/sandbox"
	_ "github.com/containerd/containerd/v2/plugins/services/tasks"
	_ "github.com/containerd/containerd/v2/plugins/services/warning"
	_ "github.com/containerd/containerd/v2/plugins/snapshots/native/plugin"
	"github.com/containerd/plugin"
	"github.com/containerd/typeurl/v2"

	"shimfuzz/lab/compat/senders/order"
)

const (
	shimVersion  = 3
	controllerID = "shim"
)

var (
	this = plugin.Registration{Type: "shimfuzz", ID: "daemon", Requires: []plugin.Type{plugins.CRIServicePlugin}}

	ofController = sandbox.Sandbox{Sandboxer: controllerID}

	load           = config.LoadConfig
	runtimeOptions = cri.GenerateRuntimeOptions
)

func criRuntimes(ic *plugin.InitContext) (map[string]cri.Runtime, error) {
	c, err := ic.GetByID(plugins.CRIServicePlugin, "runtime")
	if err != nil {
		return nil, err
	}
	return c.(interface{ Config() cri.Config }).Config().Runtimes, nil
}

func startSandbox(ctx context.Context, s sandbox.Sandbox) ([]client.NewTaskOpts, error) {
	if err := controller.Create(ctx, s); err != nil {
		return nil, err
	}
	e, err := controller.Start(ctx, s.ID)
	return []client.NewTaskOpts{client.WithTaskAPIEndpoint(e.Address, e.Version)}, err
}

// askManager makes a manager start a shim, or tell of one, or delete what is left.
func (d *daemon) askManager(ctx context.Context, r order.Request, spec, opts typeurl.Any) error {
	config := &v2.ManagerConfig{Address: order.GRPC, TTRPCAddress: order.TTRPC}
	if r.SocketDir != "" { // the field is there since 2.3
		reflect.ValueOf(config).Elem().FieldByName("SocketDir").SetString(r.SocketDir)
	}
	root, state := d.in("root"), d.in("state")
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
		_, err = tasks.PluginInfo(ctx, &types.RuntimeRequest{RuntimePath: r.Runtime,
			Options: typeurl.MarshalProto(opts)})
		return err
	case "delete":
		return shims.LoadExistingShims(ctx, state, root)
	}
	bundle, err := v2.NewBundle(ctx, root, state, order.ID, spec)
	if err != nil {
		return err
	}
	_, err = shims.Start(ctx, order.ID, bundle, runtime.CreateOpts{Spec: spec, Runtime: r.Runtime,
		RuntimeOptions: opts})
	return err
}
