// Package senders makes containerd's own code, of several releases, start a shim,
// and records what that shim finds on its standard input.
//
// The shim is a stand-in under a shim's name. It is the same program as the one in which
// containerd's code runs, folder manager, which is built in a copy of each release. That calls
// the release's manager of shims, core/runtime/v2 (runtime/v2 in 1.7), as containerd's daemon
// does. The recorded bytes are not edited: the paths in them are given to the manager, or are
// the same on every machine.
package senders

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"time"

	"golang.org/x/mod/semver"

	"shimfuzz/internal/gocmd"
	"shimfuzz/lab/compat/findings"
	"shimfuzz/lab/compat/programs"
	"shimfuzz/lab/compat/recorded"
	"shimfuzz/lab/compat/senders/order"
	"shimfuzz/lab/index"
)

// shims is the file names under which the stand-in is started. containerd 2.3 and
// 2.4 treat the first specially.
var shims = []string{recorded.SpecialShim, recorded.OrdinaryShim}

// generations are what distinguishes one major version of containerd from another, besides the
// file of folder manager that is named for it.
var generations = map[string]struct {
	module  string            // path
	entries map[string]string // functions that a manager is asked by, by the action
}{
	"v1": {"github.com/containerd/containerd", map[string]string{"start": "runtime/v2.ShimManager.Start",
		"delete": "runtime/v2.NewShimManager"}},
	"v2": {"github.com/containerd/containerd/v2", map[string]string{"start": "core/runtime/v2.ShimManager.Start",
		"delete": "core/runtime/v2.ShimManager.LoadExistingShims",
		"info":   "core/runtime/v2.TaskManager.PluginInfo"}},
}

// Record records what every release of containerd writes to a shim's standard input, in
// recorded.File and in the corpus. It needs Linux.
func Record(ctx context.Context, root string) error {
	if runtime.GOOS != "linux" {
		return fmt.Errorf("recording needs Linux: containerd's path must be %s", inHome(order.Binary))
	}
	var all []recorded.Recording
	for i, version := range findings.Containerd {
		start := time.Now()
		fmt.Printf("containerd %s, %d of %d\n", version, i+1, len(findings.Containerd))
		module, err := gocmd.Download(generations[semver.Major(version)].module, version)
		if err != nil {
			return fmt.Errorf("containerd %s is missing: %w", version, err)
		}
		recordings := asked(module)
		if err := record(ctx, root, module, recordings); err != nil {
			return err
		}
		fmt.Printf("  %d starts recorded, %.0f s\n", len(recordings), time.Since(start).Seconds())
		all = append(all, recordings...)
	}
	files, err := index.Files(recorded.Cases(all))
	if err != nil {
		return err
	}
	files[recorded.File] = []byte("[\n" + index.Lines(all, "") + "\n]\n")
	changed := 0
	for name, text := range files {
		name = filepath.Join(root, filepath.FromSlash(name))
		if old, _ := os.ReadFile(name); !bytes.Equal(old, text) { // a new one is not there
			changed++
			err = errors.Join(err, os.WriteFile(name, text, 0o666))
		}
	}
	fmt.Printf("%d files have changed: git diff shows how\n", changed)
	return err
}

// asked returns what is recorded of a release, without what the shim found.
func asked(module *gocmd.Module) (all []recorded.Recording) {
	for _, shim := range shims {
		add := func(since, action, logLevel, socketDir string, options ...string) {
			if semver.Compare(module.Version, since) < 0 {
				return
			}
			for _, name := range options {
				all = append(all, recorded.Recording{Origin: recorded.Origin{Containerd: module.Version,
					Module: module.Path, Sum: module.Sum,
					Entry: generations[semver.Major(module.Version)].entries[action],
					Request: order.Request{Shim: shim, Action: action, Options: name, LogLevel: logLevel,
						SocketDir: socketDir}}})
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
	return all
}

// record adds to recordings of one release what the stand-in was started with. It fails while
// the folder of containerd's path (order.Home) exists, which is so during another recording.
func record(ctx context.Context, root string, module *gocmd.Module, all []recorded.Recording) (err error) {
	if err := os.Mkdir(order.Home, 0o755); err != nil {
		return fmt.Errorf("%w: if no other recording is under way, remove it", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(order.Home)) }()
	if err := install(root, module); err != nil {
		return err
	}
	var starts []order.Start
	for _, r := range all {
		o := recorded.Requested(r.Request.Options)
		starts = append(starts, order.Start{Request: r.Request, Type: o.Type, Value: o.Value})
	}
	input, err := json.Marshal(starts)
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, inHome(order.Binary))
	cmd.Stdin, cmd.Env = bytes.NewReader(input), []string{} // what a shim gets is set by containerd
	out, err := gocmd.Output(cmd)
	var answers []order.Seen
	if err == nil {
		err = json.Unmarshal(out, &answers)
	}
	for i, seen := range answers {
		all[i].Seen = seen
	}
	return err
}

// install builds the manager, in a copy of containerd, and puts it into order.Home, as
// containerd and as the shims.
func install(root string, module *gocmd.Module) error {
	const folder = "lab/compat/senders/manager/"
	m, err := programs.New(root, module, "lab/compat/senders/order/*.go", folder+"main.go",
		folder+semver.Major(module.Version)+".go")
	if err != nil {
		return err
	}
	// As containerd's own Makefile sets it.
	version := []string{"-ldflags=-X " + module.Path + "/version.Version=" + module.Version}
	err = errors.Join(m.Build(order.Home, version, "./"+programs.Folder+folder),
		os.Rename(inHome("manager"), inHome(order.Binary)))
	for _, shim := range shims {
		err = errors.Join(err, os.Symlink(order.Binary, inHome(shim)))
	}
	return err
}

// inHome is the path of a file in order.Home, where the programs run. containerd sends
// the path of its own binary, so that must be the same in every recording and on every machine.
func inHome(name string) string { return filepath.Join(order.Home, name) }
