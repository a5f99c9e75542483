//go:build shimfuzz && !containerd1

package main

import (
	"context"
	"errors"
	"reflect"

	"github.com/containerd/containerd/api/services/tasks/v1"
	"github.com/containerd/containerd/api/types"
	_ "github.com/containerd/containerd/api/types/runtimeoptions/v1"
	"github.com/containerd/containerd/v2/client"
	"github.com/containerd/containerd/v2/cmd/containerd/server/config"
	"github.com/containerd/containerd/v2/core/metadata"
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
	"github.com/containerd/containerd/v2/plugins/services"
	_ "github.com/containerd/containerd/v2/plugins/services/tasks"
	_ "github.com/containerd/containerd/v2/plugins/services/warning"
	_ "github.com/containerd/containerd/v2/plugins/snapshots/native/plugin"
	"github.com/containerd/plugin"
	"github.com/containerd/plugin/registry"
	"github.com/containerd/typeurl/v2"

	"shimfuzz/lab/compat/senders/order"
)

// This program is a plugin that requires the others, and so is started after them.
func init() {
	registry.Register(&plugin.Registration{
		Type: "shimfuzz",
		ID:   "daemon",
		Requires: []plugin.Type{plugins.CRIServicePlugin, plugins.MetadataPlugin, plugins.ServicePlugin,
			plugins.SandboxControllerPlugin},
		InitFn: func(ic *plugin.InitContext) (any, error) {
			errPlugins = find(ic)
			return nil, errPlugins
		},
	})
}

func find(ic *plugin.InitContext) error {
	c, err1 := ic.GetByID(plugins.CRIServicePlugin, "runtime")
	m, err2 := ic.GetSingle(plugins.MetadataPlugin)
	t, err3 := ic.GetByID(plugins.ServicePlugin, services.TasksService)
	s, err4 := ic.GetByID(plugins.SandboxControllerPlugin, "shim")
	if err := errors.Join(err1, err2, err3, err4); err != nil {
		return err
	}
	runtimes = c.(interface{ Config() cri.Config }).Config().Runtimes
	db, taskClient, controller = m.(*metadata.DB), t.(tasks.TasksClient), s.(sandbox.Controller)
	return nil
}

func load(ctx context.Context, file string, c *config.Config) error {
	return config.LoadConfig(ctx, file, c)
}

func runtimeOptions(r cri.Runtime) (any, error) { return cri.GenerateRuntimeOptions(r) }

// address is what a shim prints when it has started: the address alone, as runhcs-v1
// does, or what a shim that has sandboxes must say of itself.
func address(through, socket string) string {
	if through == "task" {
		return "unix://" + socket
	}
	return `{"version":3,"protocol":"ttrpc","address":"unix://` + socket + `"}`
}

var ofController = sandbox.Sandbox{Sandboxer: "shim"}

func startSandbox(ctx context.Context, s sandbox.Sandbox) ([]client.NewTaskOpts, error) {
	if err := controller.Create(ctx, s); err != nil {
		return nil, err
	}
	e, err := controller.Start(ctx, s.ID)
	return []client.NewTaskOpts{client.WithTaskAPIEndpoint(e.Address, e.Version)}, err
}

// askManager makes a manager start a shim, or tell of one, or delete what is left.
func (o *daemon) askManager(ctx context.Context, r order.Request, spec, opts typeurl.Any) error {
	config := &v2.ManagerConfig{Address: o.GRPC, TTRPCAddress: o.TTRPC}
	if r.SocketDir != "" { // the field is there since 2.3
		reflect.ValueOf(config).Elem().FieldByName("SocketDir").SetString(r.SocketDir)
	}
	root, state := o.in("root"), o.in("state")
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
	bundle, err := v2.NewBundle(ctx, root, state, o.ID, spec)
	if err != nil {
		return err
	}
	_, err = shims.Start(ctx, o.ID, bundle, runtime.CreateOpts{Spec: spec, Runtime: r.Runtime, RuntimeOptions: opts})
	return err
}
