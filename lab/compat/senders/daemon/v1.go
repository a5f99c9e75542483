//go:build shimfuzz

package main

import (
	"context"
	_ "unsafe" // for go:linkname

	client "github.com/containerd/containerd"
	_ "github.com/containerd/containerd/events/plugin"
	_ "github.com/containerd/containerd/metadata/plugin"
	cri "github.com/containerd/containerd/pkg/cri/config"
	_ "github.com/containerd/containerd/pkg/cri/server"
	_ "github.com/containerd/containerd/pkg/runtimeoptions/v1"
	"github.com/containerd/containerd/plugin"
	_ "github.com/containerd/containerd/plugins/sandbox"
	"github.com/containerd/containerd/runtime"
	v2 "github.com/containerd/containerd/runtime/v2"
	"github.com/containerd/containerd/sandbox"
	_ "github.com/containerd/containerd/services/content"
	"github.com/containerd/containerd/services/server/config"
	_ "github.com/containerd/containerd/services/tasks"
	_ "github.com/containerd/containerd/services/warning"
	_ "github.com/containerd/containerd/snapshots/native/plugin"
	"github.com/containerd/typeurl/v2"

	"shimfuzz/lab/compat/senders/order"
)

const (
	shimVersion  = 2
	controllerID = "local"
)

var (
	criConfig = cri.DefaultConfig()
	// CRI of 1.7 is one plugin with all that it serves. This program takes its place, with
	// its name, its configuration and its check of that.
	this = plugin.Registration{Type: plugin.GRPCPlugin, ID: "cri", Config: &criConfig}

	ofController sandbox.Sandbox
)

func criRuntimes(ic *plugin.InitContext) (map[string]cri.Runtime, error) {
	_, err := cri.ValidatePluginConfig(ic.Context, &criConfig)
	return criConfig.Runtimes, err
}

func load(_ context.Context, file string, c *config.Config) error { return config.LoadConfig(file, c) }

// generateRuntimeOptions is not exported in 1.7.
//
//go:linkname generateRuntimeOptions github.com/containerd/containerd/pkg/cri/server.generateRuntimeOptions
func generateRuntimeOptions(r cri.Runtime, c cri.Config) (any, error)

func runtimeOptions(r cri.Runtime) (any, error) { return generateRuntimeOptions(r, cri.Config{}) }

func startSandbox(ctx context.Context, s sandbox.Sandbox) ([]client.NewTaskOpts, error) {
	if err := controller.Create(ctx, s.ID); err != nil {
		return nil, err
	}
	_, err := controller.Start(ctx, s.ID)
	return nil, err
}

// askManager makes a manager start a shim. A new one deletes what is left.
func (d *daemon) askManager(ctx context.Context, r order.Request, spec, opts typeurl.Any) error {
	shims, err := v2.NewShimManager(ctx, &v2.ManagerConfig{Root: d.in("root"), State: d.in("state"),
		Address: order.GRPC, TTRPCAddress: order.TTRPC})
	if err != nil || r.Action == "delete" {
		return err
	}
	_, err = shims.Start(ctx, order.ID, runtime.CreateOpts{Spec: spec, Runtime: r.Runtime, RuntimeOptions: opts})
	return err
}
