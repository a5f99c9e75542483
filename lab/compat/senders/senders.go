// Package senders makes containerd's own code, of several releases, start a shim,
// and records what that shim finds on its standard input.
//
// The shim is a stand-in under a shim's name. It is the same program as the one in which
// containerd's code runs, folder daemon, which is built in a copy of each release, whose
// internal packages it imports. It calls the manager of shims, core/runtime/v2 (runtime/v2
// in 1.7); and what stands above that: a configuration file, containerd's server with its
// plugins, CRI's options, the client, and Create, which the stand-in's services answer. The
// recorded bytes are not edited: the paths in them come from the configuration, or are the
// same on every machine.
package senders

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"golang.org/x/mod/semver"

	"shimfuzz/internal/gocmd"
	"shimfuzz/internal/wire"
	"shimfuzz/lab/compat/programs"
	"shimfuzz/lab/compat/recorded"
	"shimfuzz/lab/compat/senders/order"
	"shimfuzz/lab/windows/wine"
)

// Shims is the file names under which the stand-in is started. containerd 2.3 and
// 2.4 treat the first specially.
var Shims = []string{recorded.SpecialShim, recorded.OrdinaryShim}

// generation is what distinguishes one major version of containerd from another.
type generation struct {
	module  string            // path
	entries map[string]string // functions that a manager is asked by, by the action
	plugin  string            // with CRI's table of runtimes
	config  int               // version of the configuration file that has that plugin
	source  *strings.Replacer // of the names of packages in the daemon's source
	other   string            // generation, whose files that is built without
}

var generations = map[string]generation{
	"v1": {
		module:  "github.com/containerd/containerd",
		entries: map[string]string{"start": "runtime/v2.ShimManager.Start", "delete": "runtime/v2.NewShimManager"},
		plugin:  "io.containerd.grpc.v1.cri", config: 2,
		source: strings.NewReplacer(
			`"github.com/containerd/containerd/v2/client"`, `client "github.com/containerd/containerd"`,
			"containerd/v2/cmd/containerd/server", "containerd/services/server",
			"containerd/v2/core/", "containerd/",
			"containerd/v2/internal/cri/", "containerd/pkg/cri/",
			"containerd/v2/pkg/", "containerd/",
			"containerd/v2/plugins/services", "containerd/services",
			`"github.com/containerd/containerd/v2/plugins"`, `plugins "github.com/containerd/containerd/plugin"`,
			`"github.com/containerd/plugin/registry"`, `registry "github.com/containerd/containerd/plugin"`,
			`"github.com/containerd/plugin"`, `"github.com/containerd/containerd/plugin"`,
		),
		other: "v2",
	},
	"v2": {
		module: "github.com/containerd/containerd/v2",
		entries: map[string]string{"start": "core/runtime/v2.ShimManager.Start",
			"delete": "core/runtime/v2.ShimManager.LoadExistingShims",
			"info":   "core/runtime/v2.TaskManager.PluginInfo"},
		plugin: "io.containerd.cri.v1.runtime", config: 3,
		source: strings.NewReplacer(), other: "v1",
	},
}

func generationOf(version string) generation { return generations[semver.Major(version)] }

// asked returns what is recorded of a release, without what only the answers have, and the
// requests for that: first what its manager of shims sends, and then what becomes of options in
// its daemon. windows is the options that CRI makes on Windows, by the setting.
func asked(module *gocmd.Module, windows map[string]order.Answer) (all []recorded.Recording,
	ways []recorded.Passage, requests []order.Request) {
	for _, shim := range Shims {
		add := func(since, action, logLevel, socketDir string, options ...string) {
			for _, name := range options {
				if semver.Compare(module.Version, since) < 0 {
					continue
				}
				o, entry := recorded.Requested(name), generationOf(module.Version).entries[action]
				all = append(all, recorded.Recording{Origin: recorded.Origin{Containerd: module.Version,
					Module: module.Path, Sum: module.Sum, Entry: entry, Request: recorded.Request{Shim: shim,
						Action: action, Options: name, LogLevel: logLevel, SocketDir: socketDir}}})
				requests = append(requests, order.Request{Through: "manager", Runtime: inHome(shim), Type: o.Type,
					Value: o.Value, Action: action, LogLevel: logLevel, SocketDir: socketDir})
			}
		}
		for _, o := range recorded.RequestedOptions {
			add("", "start", "info", "", o.Name)
		}
		add("", "start", "debug", "", "none", "cri")
		add("v2.3.0", "start", "info", `C:\ProgramData\containerd\s`, "none", "cri")
		add("", "delete", "info", "", "none")
		add("v2.0.0", "info", "info", "", "none", "cri", "runc")
	}
	add := func(p recorded.Passage, r order.Request) {
		p.Containerd, r.Through = []string{module.Version}, p.Through
		ways, requests = append(ways, p), append(requests, r)
	}
	for _, o := range recorded.RequestedOptions {
		for _, shim := range Shims {
			for _, through := range []string{recorded.ThroughTask, recorded.ThroughSandbox} {
				add(recorded.Passage{Through: through, Shim: shim, Options: o.Name},
					order.Request{Runtime: inHome(shim), Type: o.Type, Value: o.Value})
			}
		}
	}
	for _, s := range recorded.Settings() {
		r := order.Request{Handler: s.Name}
		if a := windows[s.Name]; s.Windows != "" {
			r = order.Request{Runtime: a.Runtime, Type: a.Type, Value: a.Value}
		}
		add(recorded.Passage{Through: recorded.ThroughTask, Shim: s.Shim, Setting: s.Name}, r)
	}
	return all, ways, requests
}

// record records one release of containerd: what its manager of shims sends, and what
// becomes of options in its daemon. host runs what is built for Windows.
// It needs Linux, and fails while the folder of containerd's path
// (order.Home) exists, which is so during another recording.
func record(ctx context.Context, host *wine.Host, root, version string) (all []recorded.Recording,
	ways []recorded.Passage, err error) {
	if runtime.GOOS != "linux" {
		return nil, nil, fmt.Errorf("recording needs Linux: containerd's path must be %s/containerd", order.Home)
	}
	module, err := gocmd.Download(generationOf(version).module, version)
	if err != nil {
		return nil, nil, fmt.Errorf("containerd %s is missing: %w", version, err)
	}
	if err := os.Mkdir(order.Home, 0o755); err != nil {
		return nil, nil, fmt.Errorf("%w: if no other recording is under way, remove it", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(order.Home)) }()
	if err := install(root, module); err != nil {
		return nil, nil, err
	}
	windows, err := windowsOptions(ctx, host, version)
	if err != nil {
		return nil, nil, err
	}
	all, ways, requests := asked(module, windows)
	ofLinux := slices.DeleteFunc(recorded.Settings(), func(s recorded.Setting) bool { return s.Windows != "" })
	answers, err := ask(ctx, nil, order.Home, config(version, ofLinux...), requests)
	for i, a := range answers {
		if i < len(all) {
			err = note(&all[i], a)
		} else {
			err = notePassage(&ways[i-len(all)], a)
		}
		if err != nil {
			return nil, nil, fmt.Errorf("%+v: %w", requests[i], err)
		}
	}
	return all, ways, err
}

// install builds the daemon, in a copy of containerd, whose internal packages it imports, and
// puts it into order.Home, as containerd and as the shims; and for Windows.
func install(root string, module *gocmd.Module) error {
	const daemon = "lab/compat/senders/daemon"
	g := generationOf(module.Version)
	m, err := programs.New(root, module, "lab/compat/senders/*/*.go")
	if err != nil {
		return err
	}
	maps.DeleteFunc(m.Files, func(name string, _ []byte) bool {
		return strings.HasPrefix(path.Base(name), g.other)
	})
	for name, text := range m.Files {
		m.Files[name] = []byte(g.source.Replace(string(text)))
	}
	m.Files[daemon+"/linkname.s"] = nil // lets a function have no body
	if semver.Compare(module.Version, "v2.2.0") < 0 {
		delete(m.Files, daemon+"/mounts.go")
	}
	// As containerd's own Makefile sets it.
	version := []string{"-ldflags=-X " + module.Path + "/version.Version=" + module.Version}
	err = errors.Join(m.Build(order.Home, nil, version, "./"+programs.Folder+daemon),
		m.Build(order.Home, []string{"GOOS=windows", "GOARCH=amd64"}, version, "./"+programs.Folder+daemon),
		os.Rename(inHome("daemon"), inHome("containerd")))
	for _, shim := range Shims {
		err = errors.Join(err, os.Symlink("containerd", inHome(shim)))
	}
	return err
}

// inHome is the path of a file in order.Home, where the programs run. containerd sends
// the path of its own binary, so that must be the same in every recording and on every machine.
func inHome(name string) string { return filepath.Join(order.Home, name) }

// note adds the last start of a shim to a recording.
func note(r *recorded.Recording, a order.Answer) error {
	if len(a.Seen) == 0 {
		return fmt.Errorf("no shim was started: %s", a.Error)
	}
	r.Seen = a.Seen[len(a.Seen)-1]
	r.Env = slices.DeleteFunc(r.Env, func(v string) bool { return strings.HasPrefix(v, "SHIMFUZZ_") })
	return nil
}

// notePassage adds the standard input of start, and the field options of CreateTaskRequest
// (containerd's api/runtime/task/v3) as it was written.
func notePassage(p *recorded.Passage, a order.Answer) error {
	p.Error = a.Error
	for _, s := range a.Seen {
		switch {
		case s.Stdin == nil:
		case slices.Contains(s.Args, "start"):
			p.Start = s.Stdin
		case slices.Contains(s.Args, "-info") && len(s.Stdin) > 0:
			return fmt.Errorf("-info is asked with options: %x", s.Stdin)
		}
	}
	if a.Create != nil {
		p.Create = order.Hex{}
	}
	fields, _ := wire.Parse(a.Create)
	for _, f := range fields {
		if f.Num == 10 {
			p.Create = f.Value
		}
	}
	return nil
}
