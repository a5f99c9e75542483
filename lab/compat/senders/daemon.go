package senders

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/mod/semver"

	"shimfuzz/internal/wire"
	"shimfuzz/lab/compat/recorded"
	"shimfuzz/lab/compat/senders/order"
	"shimfuzz/lab/compat/settings"
	"shimfuzz/lab/windows/wine"
)

// daemonRequests is what each daemon is asked for. windows is the options that CRI of
// this release makes on Windows, by the setting.
func daemonRequests(version string, windows map[string]order.Answer) (asked []recorded.Passage,
	requests []order.Request) {
	add := func(p recorded.Passage, r order.Request) {
		p.Containerd, r.Through = []string{version}, p.Through
		asked, requests = append(asked, p), append(requests, r)
	}
	for _, o := range recorded.RequestedOptions {
		for _, shim := range Shims {
			for _, through := range []string{recorded.ThroughTask, recorded.ThroughSandbox} {
				add(recorded.Passage{Through: through, Shim: shim, Options: o.Name},
					order.Request{Runtime: inHome(shim), Type: o.Type, Value: o.Value})
			}
		}
	}
	for _, s := range settings.All() {
		r := order.Request{Handler: s.Name}
		if a := windows[s.Name]; s.Windows != "" {
			r = order.Request{Runtime: a.Runtime, Type: a.Type, Value: a.Value}
		}
		add(recorded.Passage{Through: recorded.ThroughTask, Shim: s.Shim, Setting: s.Name}, r)
	}
	return asked, requests
}

// note adds an answer to a passage.
func note(p *recorded.Passage, a order.Answer) error {
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
	for _, c := range a.Calls {
		if c.Method != "Create" {
			continue
		}
		b, err := taskOptions(c.Request)
		if err != nil {
			return err
		}
		p.Create = append(recorded.Hex{}, b...)
	}
	return nil
}

// taskOptions returns the field options of a CreateTaskRequest (containerd's
// api/runtime/task/v3), as it was written.
func taskOptions(request []byte) (options []byte, err error) {
	const field = 10
	fields, rest := wire.Parse(request)
	if len(rest) > 0 {
		return nil, fmt.Errorf("CreateTaskRequest: damaged at byte %d", len(request)-len(rest))
	}
	for _, f := range fields {
		if f.Num == field {
			options = f.Value
		}
	}
	return options, nil
}

// plugin returns the name of the plugin with CRI's table of runtimes, and the version
// of the configuration file that has it.
func plugin(version string) (name string, file int) {
	if semver.Major(version) == "v1" {
		return "io.containerd.grpc.v1.cri", 2
	}
	return "io.containerd.cri.v1.runtime", 3
}

// config is a daemon's configuration file with settings that are not for Windows.
func config(version string, settings []settings.Setting) string {
	name, file := plugin(version)
	var b strings.Builder
	// Up to 2.2 the addresses are in grpc and ttrpc.
	fmt.Fprintf(&b, "version = %d\n[grpc]\naddress = '%s'\n[ttrpc]\naddress = '%s'\n", file, recorded.GRPC,
		recorded.TTRPC)
	fmt.Fprintf(&b, "[plugins.'io.containerd.server.v1.grpc']\naddress = '%s'\n", recorded.GRPC)
	fmt.Fprintf(&b, "[plugins.'io.containerd.server.v1.ttrpc']\naddress = '%s'\n", recorded.TTRPC)
	fmt.Fprintf(&b, "[plugins.'io.containerd.shim.v1.manager']\nsocket_dir = '%s'\n", recorded.SocketDir)
	first := true
	for _, s := range settings {
		if s.Windows != "" {
			continue
		}
		if first { // 1.7 drops the default runtime with any table of runtimes
			fmt.Fprintf(&b, "[plugins.'%s'.containerd]\ndefault_runtime_name = '%s'\n", name, s.Name)
			first = false
		}
		writeRuntime(&b, name, s.Name, s)
	}
	return b.String()
}

// writeRuntime writes the table of one runtime.
func writeRuntime(b *strings.Builder, plugin, name string, s settings.Setting) {
	fmt.Fprintf(b, "[plugins.'%s'.containerd.runtimes.%s]\nruntime_type = '%s'\n", plugin, name, s.Type)
	if s.Path != "" {
		fmt.Fprintf(b, "runtime_path = '%s'\n", s.Path)
	}
	if !s.NoTable {
		fmt.Fprintf(b, "[plugins.'%s'.containerd.runtimes.%s.options]\n%s\n", plugin, name, s.TOML)
	}
}

// windowsOptions returns what CRI makes of the runtimes that containerd for Windows
// has by itself, for each setting that changes them or leaves them alone. The daemon in
// the folder build runs under Wine; no shim is started.
func windowsOptions(ctx context.Context, host *wine.Host, build, version string) (map[string]order.Answer, error) {
	dir, err := os.MkdirTemp(build, "windows-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	all := make(map[string]order.Answer)
	for _, s := range settings.All() {
		if s.Windows == "" {
			continue
		}
		all[s.Name], err = windowsSetting(ctx, host, filepath.Join(build, "daemon.exe"), filepath.Join(dir, s.Name),
			version, s)
		if err != nil {
			return nil, fmt.Errorf("%s under Wine: %w", s.Name, err)
		}
	}
	return all, nil
}

func windowsSetting(ctx context.Context, host *wine.Host, program, dir, version string,
	s settings.Setting) (a order.Answer, err error) {
	in := func(name string) string { // as a program under Wine sees it
		return "Z:" + strings.ReplaceAll(filepath.Join(dir, name), "/", `\`)
	}
	o := order.Order{Config: in("config.toml"), Root: in("root"), State: in("state"), Seen: in("seen"),
		Requests: []order.Request{{Handler: s.Windows}}}
	input, err := json.Marshal(o)
	if err := errors.Join(err, os.Mkdir(dir, 0o777), os.WriteFile(filepath.Join(dir, "config.toml"),
		[]byte(windowsConfig(version, s)), 0o666)); err != nil {
		return a, err
	}
	// A daemon takes less than a second.
	r, err := host.Run(ctx, wine.Command{Program: program, Dir: dir, Stdin: input, Limit: time.Minute})
	if err != nil {
		return a, err
	}
	var answers [1]order.Answer
	if err := json.Unmarshal([]byte(r.Stdout), &answers); err != nil {
		return a, fmt.Errorf("%w: %s", err, strings.TrimSpace(r.Stderr))
	}
	if a = answers[0]; a.Error != "" {
		return a, errors.New(a.Error)
	}
	return a, nil
}

// windowsConfig is a configuration file that leaves a runtime alone, or has a table
// for it.
func windowsConfig(version string, s settings.Setting) string {
	name, file := plugin(version)
	var b strings.Builder
	fmt.Fprintf(&b, "version = %d\n", file)
	if !s.NoTable {
		fmt.Fprintf(&b, "[plugins.'%s'.containerd]\ndefault_runtime_name = '%s'\n", name, s.Windows)
		writeRuntime(&b, name, s.Windows, s)
	}
	return b.String()
}
