//go:build ignore

package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	_ "unsafe" // for go:linkname

	"github.com/containerd/containerd"
	"github.com/containerd/containerd/api/services/tasks/v1"
	"github.com/containerd/containerd/cio"
	_ "github.com/containerd/containerd/events/plugin"
	"github.com/containerd/containerd/metadata"
	_ "github.com/containerd/containerd/metadata/plugin"
	"github.com/containerd/containerd/namespaces"
	"github.com/containerd/containerd/oci"
	cri "github.com/containerd/containerd/pkg/cri/config"
	_ "github.com/containerd/containerd/pkg/cri/server"
	_ "github.com/containerd/containerd/pkg/runtimeoptions/v1"
	"github.com/containerd/containerd/plugin"
	_ "github.com/containerd/containerd/plugins/sandbox"
	_ "github.com/containerd/containerd/runtime/v2"
	"github.com/containerd/containerd/sandbox"
	"github.com/containerd/containerd/services"
	_ "github.com/containerd/containerd/services/content"
	"github.com/containerd/containerd/services/server"
	"github.com/containerd/containerd/services/server/config"
	_ "github.com/containerd/containerd/services/tasks"
	_ "github.com/containerd/containerd/services/warning"
	_ "github.com/containerd/containerd/snapshots/native/plugin"
	"github.com/containerd/typeurl/v2"
)

// What is taken from the daemon's plugins.
var (
	criConfig  = cri.DefaultConfig()
	db         *metadata.DB
	taskClient tasks.TasksClient
	controller sandbox.Controller
	errPlugins = errors.New("the daemon has not started this program's plugin")
)

// generateRuntimeOptions is not exported in 1.7.
//
//go:linkname generateRuntimeOptions github.com/containerd/containerd/pkg/cri/server.generateRuntimeOptions
func generateRuntimeOptions(r cri.Runtime, c cri.Config) (any, error)

// CRI of 1.7 is one plugin with all that it serves. This program takes its place, with
// its name, its configuration and its check of that.
func init() {
	plugin.Register(&plugin.Registration{
		Type:     plugin.GRPCPlugin,
		ID:       "cri",
		Config:   &criConfig,
		Requires: []plugin.Type{plugin.ServicePlugin, plugin.MetadataPlugin, plugin.SandboxControllerPlugin},
		InitFn: func(ic *plugin.InitContext) (any, error) {
			errPlugins = find(ic)
			return nil, errPlugins
		},
	})
}

func find(ic *plugin.InitContext) error {
	_, err1 := cri.ValidatePluginConfig(ic.Context, &criConfig)
	m, err2 := ic.Get(plugin.MetadataPlugin)
	t, err3 := ic.GetByID(plugin.ServicePlugin, services.TasksService)
	s, err4 := ic.GetByID(plugin.SandboxControllerPlugin, "local")
	if err := errors.Join(err1, err2, err3, err4); err != nil {
		return err
	}
	db, taskClient, controller = m.(*metadata.DB), t.(tasks.TasksClient), s.(sandbox.Controller)
	return nil
}

// serve starts the daemon as its command does.
func (o *order) serve(ctx context.Context) error {
	c := &config.Config{Root: o.Root, State: o.State}
	if err := config.LoadConfig(o.Config, c); err != nil {
		return err
	}
	if _, err := server.New(ctx, c); err != nil {
		return err
	}
	return errPlugins
}

func handlers() []string { return slices.Sorted(maps.Keys(criConfig.Runtimes)) }

// configured is what CRI makes of a runtime of the configuration.
func configured(name string) (options any, runtime, path string, err error) {
	r, ok := criConfig.Runtimes[name]
	if !ok {
		return nil, "", "", fmt.Errorf("the configuration has no runtime %s", name)
	}
	options, err = generateRuntimeOptions(r, cri.Config{PluginConfig: criConfig})
	return options, r.Type, r.Path, err
}

// address is what a shim prints when it has started.
func address(_, socket string) string { return "unix://" + socket }

// create creates a task or a sandbox as CRI does, and deletes it again.
func (o *order) create(ctx context.Context, r request, opts typeurl.Any) error {
	ctx = namespaces.WithNamespace(ctx, o.Namespace)
	c, err := containerd.New("", containerd.WithServices(containerd.WithContainerStore(metadata.NewContainerStore(db)),
		containerd.WithLeasesService(metadata.NewLeaseManager(db)), containerd.WithTaskClient(taskClient)))
	if err != nil {
		return err
	}
	var members []containerd.NewContainerOpts
	var taskOpts []containerd.NewTaskOpts
	if r.Path != "" {
		taskOpts = append(taskOpts, containerd.WithRuntimePath(r.Path))
	}
	if r.Through == "sandbox" {
		remove, err := o.sandbox(ctx, r.Runtime, opts)
		if err != nil {
			return err
		}
		defer remove()
		members = append(members, containerd.WithSandbox(o.ID))
	}
	container, err := c.NewContainer(ctx, o.container(r), append(members, containerd.WithRuntime(r.Runtime, opts),
		containerd.WithSpec(&oci.Spec{}))...)
	if err != nil {
		return err
	}
	defer container.Delete(ctx)
	task, err := container.NewTask(ctx, cio.NullIO, taskOpts...)
	if err != nil {
		return err
	}
	_, err = task.Delete(ctx)
	return err
}

// sandbox starts a sandbox by the controller of the plugin, which CRI of 1.7 calls if
// it is told to by ENABLE_CRI_SANDBOXES.
func (o *order) sandbox(ctx context.Context, runtime string, opts typeurl.Any) (remove func(), err error) {
	spec, err := typeurl.MarshalAny(&oci.Spec{})
	if err != nil {
		return nil, err
	}
	store := metadata.NewSandboxStore(db)
	_, err = store.Create(ctx, sandbox.Sandbox{ID: o.ID, Spec: spec, Runtime: sandbox.RuntimeOpts{Name: runtime,
		Options: opts}})
	if err != nil {
		return nil, err
	}
	remove = func() {
		controller.Shutdown(ctx, o.ID)
		store.Delete(ctx, o.ID)
	}
	if err = controller.Create(ctx, o.ID); err == nil {
		_, err = controller.Start(ctx, o.ID)
	}
	if err != nil {
		remove()
	}
	return remove, err
}
