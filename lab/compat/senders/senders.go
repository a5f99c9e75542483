// Package senders makes containerd's own code, of several releases, start a shim,
// and records what that shim finds on its standard input.
//
// The shim is a stand-in (folder standin) under a shim's name. containerd's code
// runs in two other programs, which are built for each release in a module whose path
// is below containerd's, so that they may import its internal packages. The folder
// recorder calls the manager of shims, core/runtime/v2 (runtime/v2 in 1.7), with the
// daemon's configuration. The folder daemon is what stands above that manager: a
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
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"golang.org/x/mod/semver"

	"shimfuzz/internal/gocmd"
	"shimfuzz/lab/compat/programs"
	"shimfuzz/lab/compat/recorded"
	"shimfuzz/lab/windows/wine"
)

// Releases is the releases of containerd that are recorded. To record one more, add a line.
var Releases = []string{
	"v1.7.35",
	"v2.0.14",
	"v2.2.9",
	"v2.3.7",
	"v2.4.2",
}

// Shims is the file names under which the stand-in is started. containerd 2.3 and
// 2.4 treat the first specially.
var Shims = []string{recorded.SpecialShim, recorded.OrdinaryShim}

// socketDir is the folder for the shims' sockets that some requests configure.
const socketDir = `C:\ProgramData\containerd\s`

//go:embed recorder/*.go daemon/*.go standin/*.go
var sources embed.FS

// modulePath returns the module path of a release of containerd.
func modulePath(version string) string {
	if semver.Major(version) == "v1" {
		return "github.com/containerd/containerd"
	}
	return "github.com/containerd/containerd/" + semver.Major(version)
}

// asks returns the requests that are made to each release, for each shim.
func asks() []recorded.Request {
	var all []recorded.Request
	for _, shim := range Shims {
		for _, o := range recorded.RequestedOptions {
			all = append(all, recorded.Request{Shim: shim, Action: "start", Options: o.Name, LogLevel: "info"})
		}
		all = append(all,
			recorded.Request{Shim: shim, Action: "start", Options: "none", LogLevel: "debug"},
			recorded.Request{Shim: shim, Action: "start", Options: "cri", LogLevel: "debug"},
			recorded.Request{Shim: shim, Action: "start", Options: "none", LogLevel: "info", SocketDir: socketDir},
			recorded.Request{Shim: shim, Action: "start", Options: "cri", LogLevel: "info", SocketDir: socketDir},
			recorded.Request{Shim: shim, Action: "delete", Options: "none", LogLevel: "info"},
			recorded.Request{Shim: shim, Action: "info", Options: "none", LogLevel: "info"},
			recorded.Request{Shim: shim, Action: "info", Options: "cri", LogLevel: "info"},
			recorded.Request{Shim: shim, Action: "info", Options: "runc", LogLevel: "info"})
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
	if err := install(build, "recorder"); err != nil {
		return nil, nil, err
	}
	for _, r := range asks() {
		if all, err = record(ctx, module, r, all); err != nil {
			return nil, nil, fmt.Errorf("%v: %w", r, err)
		}
	}
	if err := install(build, "daemon"); err != nil {
		return nil, nil, err
	}
	windows, err := windowsOptions(ctx, host, build, version)
	if err != nil {
		return nil, nil, err
	}
	ways, err = passages(ctx, module, windows)
	return all, ways, err
}

// buildPrograms builds the programs in a module whose path is below containerd's, so
// that they may import its internal packages.
func buildPrograms(bin string, module *gocmd.Module) error {
	generation, daemon := "v2.go", []string{"main.go", "v2.go"}
	if semver.Major(module.Version) == "v1" {
		generation, daemon = "v1.go", []string{"main.go", "v1.go", "v1_linux.go"}
	}
	if _, err := os.Stat(filepath.Join(module.Dir, "plugins", "mount")); err == nil {
		daemon = append(daemon, "mounts.go")
	}
	m := programs.Module{
		Release: module, Path: module.Path + "/shimfuzz",
		Files: map[string][]byte{"daemon/linkname.s": nil}, // lets a function have no body
		// As containerd's own Makefile sets it.
		Flags: []string{"-ldflags=-X " + module.Path + "/version.Version=" + module.Version},
	}
	if err := errors.Join(
		m.Add("recorder", sources, "recorder", "main.go", generation),
		m.Add("daemon", sources, "daemon", daemon...),
		m.Add("standin", sources, "standin", "main.go"),
		m.Build(bin, "./recorder", "./daemon", "./standin")); err != nil {
		return err
	}
	m.Env = []string{"GOOS=windows", "GOARCH=amd64"}
	return m.Build(bin, "./daemon")
}

// install copies programs to recorded.Home: one as containerd, the stand-in as the shims.
func install(bin, containerd string) error {
	names := map[string]string{"containerd": containerd}
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

// order is the recorder's input.
type order struct {
	Shim, Action, ID, Namespace string
	Type                        string
	Value                       []byte
	LogLevel                    string
	GRPC, TTRPC, SocketDir      string
	Root, State                 string
}

// seen is the file that the stand-in saves.
type seen struct {
	Args  []string
	Env   []string
	Stdin []byte
}

// inHome is the path of a file in recorded.Home, where the programs run. containerd sends
// the path of its own binary, so that must be the same in every recording and on every machine.
func inHome(name string) string { return filepath.Join(recorded.Home, name) }

// ask gives an order, as JSON, to the program that is containerd, and decodes its answer.
// What the stand-in is started with is added to the file saved.
func ask(ctx context.Context, saved string, order, answer any) error {
	input, err := json.Marshal(order)
	if err := errors.Join(err, os.RemoveAll(inHome("root")), os.RemoveAll(inHome("state"))); err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, inHome("containerd"))
	cmd.Dir = recorded.Home
	cmd.Env = []string{"SHIMFUZZ_RECORD_TO=" + saved} // the other variables that a shim gets are set by containerd
	cmd.Stdin = bytes.NewReader(input)
	out, err := gocmd.Output(cmd)
	if err != nil {
		return err
	}
	return json.Unmarshal(out, answer)
}

// record adds the recording of a request to all, unless this release does not support it.
func record(ctx context.Context, module *gocmd.Module, r recorded.Request,
	all []recorded.Recording) ([]recorded.Recording, error) {
	saved, o := inHome("saved.json"), recorded.Requested(r.Options)
	if err := os.RemoveAll(saved); err != nil {
		return nil, err
	}
	var answer struct{ Unsupported, Error string }
	err := ask(ctx, saved, order{
		Shim: inHome(r.Shim), Action: r.Action, ID: recorded.ID, Namespace: recorded.Namespace,
		Type: o.Type, Value: o.Value, LogLevel: r.LogLevel, GRPC: recorded.GRPC, TTRPC: recorded.TTRPC,
		SocketDir: r.SocketDir, Root: inHome("root"), State: inHome("state"),
	}, &answer)
	if err != nil || answer.Unsupported != "" {
		return all, err
	}
	text, err := os.ReadFile(saved)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("no shim was started: %s", answer.Error)
	}
	var s seen
	last := text[bytes.LastIndexByte(bytes.TrimSpace(text), '\n')+1:]
	if err := errors.Join(err, json.Unmarshal(last, &s)); err != nil {
		return nil, err
	}
	ours := func(v string) bool { return strings.HasPrefix(v, "SHIMFUZZ_") }
	return append(all, recorded.Recording{
		Origin: recorded.Origin{Containerd: module.Version, Module: module.Path, Sum: module.Sum,
			Entry: entry(module.Version, r.Action), Request: r},
		Args: s.Args, Env: slices.DeleteFunc(s.Env, ours), Stdin: s.Stdin,
	}), nil
}

// entry returns the function of containerd that the recorder calls.
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
