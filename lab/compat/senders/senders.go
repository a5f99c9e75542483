// Package senders makes containerd's own code, of several releases, start a shim,
// and records what that shim finds on its standard input.
//
// The shim is a stand-in (folder standin) under a shim's name. containerd's code runs in
// the program of the folder daemon, which is built for each release in a module whose
// path is below containerd's, so that it may import its internal packages. It calls the
// manager of shims, core/runtime/v2 (runtime/v2 in 1.7); and what stands above that: a
// configuration file, containerd's server with its plugins, CRI's options, the client,
// and Create, which the stand-in's services answer. The recorded bytes are not edited:
// the paths in them come from the configuration, or are the same on every machine.
package senders

import (
	"bytes"
	"context"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"golang.org/x/mod/semver"

	"shimfuzz/internal/gocmd"
	"shimfuzz/lab/compat/findings"
	"shimfuzz/lab/compat/programs"
	"shimfuzz/lab/compat/recorded"
	"shimfuzz/lab/compat/senders/order"
	"shimfuzz/lab/compat/settings"
	"shimfuzz/lab/windows/wine"
)

// Releases is the releases of containerd that are recorded. To record one more, add a line.
var Releases = []string{
	"v1.7.35",
	"v2.0.14",
	"v2.2.9",
	"v2.3.7",
	findings.NewestContainerd,
}

// Shims is the file names under which the stand-in is started. containerd 2.3 and
// 2.4 treat the first specially.
var Shims = []string{recorded.SpecialShim, recorded.OrdinaryShim}

// socketDir is the folder for the shims' sockets that some requests configure.
const socketDir = `C:\ProgramData\containerd\s`

//go:embed daemon/*.go standin/*.go order/*.go
var sources embed.FS

// modulePath returns the module path of a release of containerd.
func modulePath(version string) string {
	if semver.Major(version) == "v1" {
		return "github.com/containerd/containerd"
	}
	return "github.com/containerd/containerd/" + semver.Major(version)
}

// asks returns the requests that are made to the manager of a release, for each shim:
// -info is there since 2.0, a folder for the sockets since 2.3.
func asks(version string) []recorded.Request {
	var all []recorded.Request
	for _, shim := range Shims {
		add := func(since, action, logLevel, socketDir string, options ...string) {
			for _, o := range options {
				if semver.Compare(version, since) >= 0 {
					all = append(all, recorded.Request{Shim: shim, Action: action, Options: o, LogLevel: logLevel,
						SocketDir: socketDir})
				}
			}
		}
		for _, o := range recorded.RequestedOptions {
			add("", "start", "info", "", o.Name)
		}
		add("", "start", "debug", "", "none", "cri")
		add("v2.3.0", "start", "info", socketDir, "none", "cri")
		add("", "delete", "info", "", "none")
		add("v2.0.0", "info", "info", "", "none", "cri", "runc")
	}
	return all
}

// Record records one release of containerd: what its manager of shims sends, and what
// becomes of options in its daemon. host runs what is built for Windows, build is an
// absolute path of a folder for the programs.
// It needs Linux, and fails while the folder of containerd's path
// (recorded.Home) exists, which is so during another recording.
func Record(ctx context.Context, host *wine.Host, build, version string) (all []recorded.Recording,
	ways []recorded.Passage, err error) {
	if runtime.GOOS != "linux" {
		return nil, nil, fmt.Errorf("recording needs Linux: containerd's path must be %s/containerd", recorded.Home)
	}
	module, err := gocmd.Download(modulePath(version), version)
	if err != nil {
		return nil, nil, fmt.Errorf("containerd %s is missing: %w", version, err)
	}
	if err := errors.Join(os.MkdirAll(build, 0o777), buildPrograms(build, module)); err != nil {
		return nil, nil, err
	}
	if err := os.Mkdir(recorded.Home, 0o755); err != nil {
		return nil, nil, fmt.Errorf("%w: if no other recording is under way, remove it", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(recorded.Home)) }()
	if err := install(build); err != nil {
		return nil, nil, err
	}
	windows, err := windowsOptions(ctx, host, build, version)
	if err != nil {
		return nil, nil, err
	}
	return recordings(ctx, module, windows)
}

// moved are the packages that 1.7 has elsewhere than later releases.
var moved = strings.NewReplacer(
	`"github.com/containerd/containerd/v2/client"`, `client "github.com/containerd/containerd"`,
	"containerd/v2/cmd/containerd/server", "containerd/services/server",
	"containerd/v2/core/", "containerd/",
	"containerd/v2/internal/cri/", "containerd/pkg/cri/",
	"containerd/v2/pkg/", "containerd/",
	"containerd/v2/shimfuzz/", "containerd/shimfuzz/",
)

// buildPrograms builds the programs in a module whose path is below containerd's, so
// that they may import its internal packages.
func buildPrograms(bin string, module *gocmd.Module) error {
	daemon := []string{"main.go", "containerd.go", "v2.go"}
	isV1 := semver.Major(module.Version) == "v1"
	if isV1 {
		daemon = []string{"main.go", "containerd.go", "v1.go", "v1_linux.go"}
	}
	if _, err := os.Stat(filepath.Join(module.Dir, "plugins", "mount")); err == nil {
		daemon = append(daemon, "mounts.go")
	}
	m := programs.Module{
		Release: module, Path: module.Path + "/shimfuzz",
		Files: map[string][]byte{"daemon/linkname.s": nil}, // lets a function have no body
	}
	if err := errors.Join(m.Add("daemon", sources, "daemon", daemon...),
		m.Add("standin", sources, "standin", "main.go"), m.Add("order", sources, "order", "order.go")); err != nil {
		return err
	}
	for name, text := range m.Files {
		if isV1 {
			m.Files[name] = []byte(moved.Replace(string(text)))
		}
	}
	// As containerd's own Makefile sets it.
	version := []string{"-ldflags=-X " + module.Path + "/version.Version=" + module.Version}
	return errors.Join(m.Build(bin, nil, version, "./daemon", "./standin"),
		m.Build(bin, []string{"GOOS=windows", "GOARCH=amd64"}, version, "./daemon"))
}

// install copies the programs to recorded.Home: one as containerd, the stand-in as the shims.
func install(bin string) error {
	names := map[string]string{"containerd": "daemon"}
	for _, shim := range Shims {
		names[shim] = "standin"
	}
	for name, program := range names {
		text, err := os.ReadFile(filepath.Join(bin, program))
		if err != nil {
			return err
		}
		if err := os.WriteFile(inHome(name), text, 0o755); err != nil {
			return err
		}
	}
	return nil
}

// inHome is the path of a file in recorded.Home, where the programs run. containerd sends
// the path of its own binary, so that must be the same in every recording and on every machine.
func inHome(name string) string { return filepath.Join(recorded.Home, name) }

// recordings asks the daemon of one release for all that is recorded: what its manager of
// shims sends, and what becomes of options on their way through it.
func recordings(ctx context.Context, module *gocmd.Module, windows map[string]order.Answer) (all []recorded.Recording,
	ways []recorded.Passage, err error) {
	o := order.Order{Config: inHome("config.toml"), Root: inHome("daemon-root"), State: inHome("daemon-state"),
		Seen: inHome("seen"), Socket: inHome("s"), Namespace: recorded.Namespace, ID: recorded.ID,
		Manager: order.Manager{Root: inHome("root"), State: inHome("state"), GRPC: recorded.GRPC,
			TTRPC: recorded.TTRPC}}
	asked := asks(module.Version)
	for _, r := range asked {
		options := recorded.Requested(r.Options)
		o.Requests = append(o.Requests, order.Request{Through: "manager", Runtime: inHome(r.Shim), Type: options.Type,
			Value: options.Value, Action: r.Action, LogLevel: r.LogLevel, SocketDir: r.SocketDir})
	}
	ways, requests := daemonRequests(module.Version, windows)
	o.Requests = append(o.Requests, requests...)
	answers, err := give(ctx, module.Version, o)
	if err != nil {
		return nil, nil, err
	}
	for i, a := range answers {
		if i < len(asked) {
			var r recorded.Recording
			r, err = recording(module, asked[i], a)
			all = append(all, r)
		} else {
			err = note(&ways[i-len(asked)], a)
		}
		if err != nil {
			return nil, nil, fmt.Errorf("%+v: %w", o.Requests[i], err)
		}
	}
	return all, ways, nil
}

// give gives an order to the program that is containerd, and returns its answers.
func give(ctx context.Context, version string, o order.Order) (answers []order.Answer, err error) {
	input, err := json.Marshal(o)
	if err := errors.Join(err, os.WriteFile(o.Config, []byte(config(version, settings.All())), 0o666)); err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, inHome("containerd"))
	cmd.Dir = recorded.Home
	cmd.Env = []string{"SHIMFUZZ_RECORD_TO=" + o.Seen} // the other variables that a shim gets are set by containerd
	cmd.Stdin = bytes.NewReader(input)
	out, err := gocmd.Output(cmd)
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(out, &answers); err != nil {
		return nil, err
	}
	if len(answers) != len(o.Requests) {
		return nil, fmt.Errorf("%d answers to %d requests", len(answers), len(o.Requests))
	}
	return answers, nil
}

// recording is the last start of a shim that a manager made for a request.
func recording(module *gocmd.Module, r recorded.Request, a order.Answer) (recorded.Recording, error) {
	if len(a.Seen) == 0 {
		return recorded.Recording{}, fmt.Errorf("no shim was started: %s", a.Error)
	}
	s := a.Seen[len(a.Seen)-1]
	ours := func(v string) bool { return strings.HasPrefix(v, "SHIMFUZZ_") }
	return recorded.Recording{
		Origin: recorded.Origin{Containerd: module.Version, Module: module.Path, Sum: module.Sum,
			Entry: entry(module.Version, r.Action), Request: r},
		Args: s.Args, Env: slices.DeleteFunc(s.Env, ours), Stdin: s.Stdin,
	}, nil
}

// entry returns the function of containerd that a manager is asked by.
func entry(version, action string) string {
	entries := map[string]string{
		"start": "core/runtime/v2.ShimManager.Start", "delete": "core/runtime/v2.ShimManager.LoadExistingShims",
		"info": "core/runtime/v2.TaskManager.PluginInfo",
	}
	if semver.Major(version) == "v1" {
		entries = map[string]string{"start": "runtime/v2.ShimManager.Start", "delete": "runtime/v2.NewShimManager"}
	}
	return entries[action]
}
