//go:build shimfuzz && containerd1

package main

import (
	"context"
	"errors"
	_ "unsafe" // for go:linkname

	client "github.com/containerd/containerd"
	"github.com/containerd/containerd/api/services/tasks/v1"
	_ "github.com/containerd/containerd/events/plugin"
	"github.com/containerd/containerd/metadata"
	_ "github.com/containerd/containerd/metadata/plugin"
	cri "github.com/containerd/containerd/pkg/cri/config"
	_ "github.com/containerd/containerd/pkg/cri/server"
	_ "github.com/containerd/containerd/pkg/runtimeoptions/v1"
	"github.com/containerd/containerd/plugin"
	_ "github.com/containerd/containerd/plugins/sandbox"
	"github.com/containerd/containerd/runtime"
	v2 "github.com/containerd/containerd/runtime/v2"
	"github.com/containerd/containerd/sandbox"
	"github.com/containerd/containerd/services"
	_ "github.com/containerd/containerd/services/content"
	"github.com/containerd/containerd/services/server/config"
	_ "github.com/containerd/containerd/services/tasks"
	_ "github.com/containerd/containerd/services/warning"
	_ "github.com/containerd/containerd/snapshots/native/plugin"
	"github.com/containerd/typeurl/v2"

	"shimfuzz/lab/compat/senders/order"
)

// CRI of 1.7 is one plugin with all that it serves. This program takes its place, with
// its name, its configuration and its check of that.
func init() {
	c := cri.DefaultConfig()
	plugin.Register(&plugin.Registration{
		Type:     plugin.GRPCPlugin,
		ID:       "cri",
		Config:   &c,
		Requires: []plugin.Type{plugin.ServicePlugin, plugin.MetadataPlugin, plugin.SandboxControllerPlugin},
		InitFn: func(ic *plugin.InitContext) (any, error) {
			errPlugins = find(ic, &c)
			return nil, errPlugins
		},
	})
}

func find(ic *plugin.InitContext, c *cri.PluginConfig) error {
	_, err1 := cri.ValidatePluginConfig(ic.Context, c)
	m, err2 := ic.Get(plugin.MetadataPlugin)
	t, err3 := ic.GetByID(plugin.ServicePlugin, services.TasksService)
	s, err4 := ic.GetByID(plugin.SandboxControllerPlugin, "local")
	if err := errors.Join(err1, err2, err3, err4); err != nil {
		return err
	}
	runtimes, db, taskClient, controller = c.Runtimes, m.(*metadata.DB), t.(tasks.TasksClient), s.(sandbox.Controller)
	return nil
}

func load(_ context.Context, file string, c *config.Config) error { return config.LoadConfig(file, c) }

// generateRuntimeOptions is not exported in 1.7.
//
//go:linkname generateRuntimeOptions github.com/containerd/containerd/pkg/cri/server.generateRuntimeOptions
func generateRuntimeOptions(r cri.Runtime, c cri.Config) (any, error)

func runtimeOptions(r cri.Runtime) (any, error) { return generateRuntimeOptions(r, cri.Config{}) }

// address is what a shim prints when it has started.
func address(_, socket string) string { return "unix://" + socket }

var ofController sandbox.Sandbox

func startSandbox(ctx context.Context, s sandbox.Sandbox) ([]client.NewTaskOpts, error) {
	if err := controller.Create(ctx, s.ID); err != nil {
		return nil, err
	}
	_, err := controller.Start(ctx, s.ID)
	return nil, err
}

// askManager makes a manager start a shim. A new one deletes what is left.
func (o *daemon) askManager(ctx context.Context, r order.Request, spec, opts typeurl.Any) error {
	shims, err := v2.NewShimManager(ctx, &v2.ManagerConfig{Root: o.in("root"), State: o.in("state"), Address: o.GRPC,
		TTRPCAddress: o.TTRPC})
	if err != nil || r.Action == "delete" {
		return err
	}
	_, err = shims.Start(ctx, o.ID, runtime.CreateOpts{Spec: spec, Runtime: r.Runtime, RuntimeOptions: opts})
	return err
}
