//go:build shimfuzz

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/containerd/containerd/api/services/tasks/v1"
	"github.com/containerd/containerd/v2/client"
	"github.com/containerd/containerd/v2/cmd/containerd/server"
	"github.com/containerd/containerd/v2/cmd/containerd/server/config"
	"github.com/containerd/containerd/v2/core/metadata"
	"github.com/containerd/containerd/v2/core/sandbox"
	cri "github.com/containerd/containerd/v2/internal/cri/config"
	"github.com/containerd/containerd/v2/pkg/cio"
	"github.com/containerd/containerd/v2/pkg/namespaces"
	"github.com/containerd/containerd/v2/pkg/oci"
	"github.com/containerd/containerd/v2/plugins"
	"github.com/containerd/containerd/v2/plugins/services"
	"github.com/containerd/plugin"
	"github.com/containerd/plugin/registry"
	"github.com/containerd/typeurl/v2"

	"shimfuzz/lab/compat/senders/order"
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
	this.Requires = append(this.Requires, plugins.MetadataPlugin, plugins.ServicePlugin,
		plugins.SandboxControllerPlugin)
	this.InitFn = func(ic *plugin.InitContext) (any, error) {
		errPlugins = find(ic)
		return nil, errPlugins
	}
	registry.Register(&this)
}

func find(ic *plugin.InitContext) error {
	r, err1 := criRuntimes(ic)
	m, err2 := ic.GetByID(plugins.MetadataPlugin, "bolt")
	t, err3 := ic.GetByID(plugins.ServicePlugin, services.TasksService)
	s, err4 := ic.GetByID(plugins.SandboxControllerPlugin, controllerID)
	if err := errors.Join(err1, err2, err3, err4); err != nil {
		return err
	}
	runtimes, db, taskClient, controller = r, m.(*metadata.DB), t.(tasks.TasksClient), s.(sandbox.Controller)
	return nil
}

// serve starts the daemon as its command does.
func (d *daemon) serve(ctx context.Context) error {
	c := &config.Config{Root: d.in("daemon-root"), State: d.in("daemon-state")}
	if err := load(ctx, d.in("config.toml"), c); err != nil {
		return err
	}
	if _, err := server.New(ctx, c); err != nil {
		return err
	}
	return errPlugins
}

// options returns what CRI makes of a runtime of the configuration; or the requested
// options, encoded with the types that this containerd links.
func options(r *order.Request) (typeurl.Any, error) {
	var v any
	var err error
	if c, ok := runtimes[r.Handler]; ok {
		r.Runtime, r.Path = c.Type, c.Path
		v, err = runtimeOptions(c)
	} else if r.Handler != "" {
		err = fmt.Errorf("the configuration has no runtime %s", r.Handler)
	} else if r.Type != "" {
		v, err = typeurl.UnmarshalByTypeURL(r.Type, r.Value)
	}
	if err != nil || v == nil {
		return nil, err
	}
	return typeurl.MarshalAny(v)
}

// create creates a task or a sandbox as CRI does, and deletes it again.
func (d *daemon) create(ctx context.Context, r order.Request, opts typeurl.Any) error {
	ctx = namespaces.WithNamespace(ctx, order.Namespace)
	c, err := client.New("", client.WithServices(client.WithContainerStore(metadata.NewContainerStore(db)),
		client.WithLeasesService(metadata.NewLeaseManager(db)), client.WithTaskClient(taskClient)))
	if err != nil {
		return err
	}
	id := order.ID
	var members []client.NewContainerOpts
	var taskOpts []client.NewTaskOpts
	if r.Path != "" {
		taskOpts = append(taskOpts, client.WithRuntimePath(r.Path))
	}
	if r.Through == "sandbox" {
		member, remove, err := d.sandbox(ctx, r.Runtime, opts)
		if err != nil {
			return err
		}
		defer remove()
		id += "-member"
		members, taskOpts = append(members, client.WithSandbox(order.ID)), append(taskOpts, member...)
	}
	container, err := c.NewContainer(ctx, id, append(members, client.WithRuntime(r.Runtime, opts),
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

// sandbox starts a sandbox by the controller that CRI calls if it is told to: by
// ENABLE_CRI_SANDBOXES in 1.7, later if sandboxer is "shim". It returns the options of a
// task in the sandbox.
func (d *daemon) sandbox(ctx context.Context, runtime string, opts typeurl.Any) (member []client.NewTaskOpts,
	remove func(), err error) {
	spec, err := typeurl.MarshalAny(&oci.Spec{})
	if err != nil {
		return nil, nil, err
	}
	store, s := metadata.NewSandboxStore(db), ofController
	s.ID, s.Spec, s.Runtime = order.ID, spec, sandbox.RuntimeOpts{Name: runtime, Options: opts}
	if s, err = store.Create(ctx, s); err != nil {
		return nil, nil, err
	}
	remove = func() {
		controller.Shutdown(ctx, order.ID)
		store.Delete(ctx, order.ID)
	}
	if member, err = startSandbox(ctx, s); err != nil {
		remove()
	}
	return member, remove, err
}

// manage asks a new manager of shims.
func (d *daemon) manage(ctx context.Context, r order.Request, opts typeurl.Any) error {
	spec, err := typeurl.MarshalAny(&oci.Spec{})
	for _, dir := range []string{d.in("root"), d.in("state")} {
		err = errors.Join(err, os.RemoveAll(dir), os.MkdirAll(dir, 0o711))
	}
	if r.Action == "delete" {
		// The bundle of a container from an earlier daemon, whose shim no longer runs.
		dir := filepath.Join(d.in("state"), order.Namespace, order.ID)
		err = errors.Join(err, os.MkdirAll(dir, 0o711),
			os.WriteFile(filepath.Join(dir, "shim-binary-path"), []byte(r.Runtime), 0o600))
	}
	if err != nil {
		return err
	}
	return d.askManager(namespaces.WithNamespace(ctx, order.Namespace), r, spec, opts)
}
