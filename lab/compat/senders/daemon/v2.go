//go:build ignore

package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/containerd/containerd/api/services/tasks/v1"
	_ "github.com/containerd/containerd/api/types/runtimeoptions/v1"
	"github.com/containerd/containerd/v2/client"
	"github.com/containerd/containerd/v2/cmd/containerd/server"
	"github.com/containerd/containerd/v2/cmd/containerd/server/config"
	"github.com/containerd/containerd/v2/core/metadata"
	_ "github.com/containerd/containerd/v2/core/runtime/v2"
	"github.com/containerd/containerd/v2/core/sandbox"
	cri "github.com/containerd/containerd/v2/internal/cri/config"
	"github.com/containerd/containerd/v2/pkg/cio"
	"github.com/containerd/containerd/v2/pkg/namespaces"
	"github.com/containerd/containerd/v2/pkg/oci"
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
)

// What is taken from the daemon's plugins.
var (
	runtimes   map[string]cri.Runtime
	db         *metadata.DB
	taskClient tasks.TasksClient
	controller sandbox.Controller
	errPlugins = errors.New("the daemon has not started this program's plugin")
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

// serve starts the daemon as its command does.
func (o *order) serve(ctx context.Context) error {
	c := &config.Config{Root: o.Root, State: o.State}
	if err := config.LoadConfig(ctx, o.Config, c); err != nil {
		return err
	}
	if _, err := server.New(ctx, c); err != nil {
		return err
	}
	return errPlugins
}

func handlers() []string { return slices.Sorted(maps.Keys(runtimes)) }

// configured is what CRI makes of a runtime of the configuration.
func configured(name string) (options any, runtime, path string, err error) {
	r, ok := runtimes[name]
	if !ok {
		return nil, "", "", fmt.Errorf("the configuration has no runtime %s", name)
	}
	options, err = cri.GenerateRuntimeOptions(r)
	return options, r.Type, r.Path, err
}

// address is what a shim prints when it has started: the address alone, as runhcs-v1
// does, or what a shim that has sandboxes must say of itself.
func address(through, socket string) string {
	if through == "task" {
		return "unix://" + socket
	}
	return `{"version":3,"protocol":"ttrpc","address":"unix://` + socket + `"}`
}

// create creates a task or a sandbox as CRI does, and deletes it again.
func (o *order) create(ctx context.Context, r request, opts typeurl.Any) error {
	ctx = namespaces.WithNamespace(ctx, o.Namespace)
	c, err := client.New("", client.WithServices(client.WithContainerStore(metadata.NewContainerStore(db)),
		client.WithLeasesService(metadata.NewLeaseManager(db)), client.WithTaskClient(taskClient)))
	if err != nil {
		return err
	}
	var members []client.NewContainerOpts
	var taskOpts []client.NewTaskOpts
	if r.Path != "" {
		taskOpts = append(taskOpts, client.WithRuntimePath(r.Path))
	}
	if r.Through == "sandbox" {
		e, remove, err := o.sandbox(ctx, r.Runtime, opts)
		if err != nil {
			return err
		}
		defer remove()
		members = append(members, client.WithSandbox(o.ID))
		taskOpts = append(taskOpts, client.WithTaskAPIEndpoint(e.Address, e.Version))
	}
	container, err := c.NewContainer(ctx, o.container(r), append(members, client.WithRuntime(r.Runtime, opts),
		client.WithSpec(&oci.Spec{}))...)
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

// sandbox starts a sandbox by the controller that CRI calls if sandboxer is "shim".
func (o *order) sandbox(ctx context.Context, runtime string, opts typeurl.Any) (e sandbox.ControllerInstance,
	remove func(), err error) {
	spec, err := typeurl.MarshalAny(&oci.Spec{})
	if err != nil {
		return e, nil, err
	}
	store := metadata.NewSandboxStore(db)
	s, err := store.Create(ctx, sandbox.Sandbox{ID: o.ID, Spec: spec, Sandboxer: "shim",
		Runtime: sandbox.RuntimeOpts{Name: runtime, Options: opts}})
	if err != nil {
		return e, nil, err
	}
	remove = func() {
		controller.Shutdown(ctx, o.ID)
		store.Delete(ctx, o.ID)
	}
	if err = controller.Create(ctx, s); err == nil {
		e, err = controller.Start(ctx, o.ID)
	}
	if err != nil {
		remove()
	}
	return e, remove, err
}
