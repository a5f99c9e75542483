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
	"slices"
	"strings"

	"golang.org/x/mod/semver"
	"google.golang.org/protobuf/encoding/protowire"

	"shimfuzz/corpus/table"
	"shimfuzz/internal/gocmd"
	"shimfuzz/lab/compat/settings"
)

// daemonOrder is the daemon's input.
type daemonOrder struct {
	Config, Root, State, Seen, Socket, Namespace, ID string
	Requests                                         []daemonRequest
}

type daemonRequest struct {
	Through, Handler, Runtime, Type string
	Value                           []byte
}

// daemonAnswer is what the daemon made of a request.
type daemonAnswer struct {
	Handler, Runtime, Type string
	Value                  []byte
	Error                  string
	Seen                   []seen
	Calls                  []struct {
		Method  string
		Request []byte
	}
}

// passages records what becomes of options on their way through the daemon of one
// release.
func passages(ctx context.Context, module *gocmd.Module, windows []daemonAnswer) ([]table.Passage, error) {
	asked, requests := daemonRequests(module.Version, windows)
	answers, err := askDaemon(ctx, config(module.Version, settings.All()), requests)
	if err != nil {
		return nil, err
	}
	if len(answers) != len(asked) {
		return nil, fmt.Errorf("%d answers to %d requests", len(answers), len(asked))
	}
	for i, a := range answers {
		if err := note(&asked[i], a); err != nil {
			return nil, fmt.Errorf("%+v: %w", requests[i], err)
		}
	}
	return asked, nil
}

// daemonRequests is what each daemon is asked for. windows is the options that CRI of
// this release makes on Windows.
func daemonRequests(version string, windows []daemonAnswer) (asked []table.Passage, requests []daemonRequest) {
	add := func(p table.Passage, r daemonRequest) {
		p.Containerd, r.Through = []string{version}, p.Through
		asked, requests = append(asked, p), append(requests, r)
	}
	for _, o := range table.RequestedOptions {
		for _, shim := range Shims {
			for _, through := range []string{table.ThroughTask, table.ThroughSandbox} {
				add(table.Passage{Through: through, Shim: shim, Options: o.Name},
					daemonRequest{Runtime: filepath.Join(home, shim), Type: o.Type, Value: o.Value()})
			}
		}
	}
	for _, s := range settings.All() {
		p := table.Passage{Through: table.ThroughTask, Shim: s.Shim, Setting: s.Name}
		if s.Windows == "" {
			add(p, daemonRequest{Handler: s.Name})
			continue
		}
		for _, a := range windows {
			if a.Handler == s.Name {
				add(p, daemonRequest{Runtime: a.Runtime, Type: a.Type, Value: a.Value})
			}
		}
	}
	return asked, requests
}

// note adds an answer to a passage.
func note(p *table.Passage, a daemonAnswer) error {
	p.Error = a.Error
	for _, s := range a.Seen {
		switch {
		case s.Stdin == nil:
		case slices.Contains(s.Args, "start"):
			p.Start = s.Stdin
		case slices.Contains(s.Args, "-info") && len(s.Stdin) > 0:
			p.Info = s.Stdin
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
		p.Create = append(table.Hex{}, b...)
	}
	return nil
}

// taskOptions returns the field options of a CreateTaskRequest (containerd's
// api/runtime/task/v2 and v3).
func taskOptions(request []byte) (options []byte, err error) {
	const field = 10
	for len(request) > 0 {
		number, _, n := protowire.ConsumeField(request)
		if n < 0 {
			return nil, fmt.Errorf("CreateTaskRequest: %w", protowire.ParseError(n))
		}
		if number == field {
			_, _, tag := protowire.ConsumeTag(request)
			options, _ = protowire.ConsumeBytes(request[tag:])
		}
		request = request[n:]
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
	fmt.Fprintf(&b, "version = %d\n[grpc]\naddress = '%s'\n[ttrpc]\naddress = '%s'\n", file, table.RecordedGRPC,
		table.RecordedTTRPC)
	fmt.Fprintf(&b, "[plugins.'io.containerd.server.v1.grpc']\naddress = '%s'\n", table.RecordedGRPC)
	fmt.Fprintf(&b, "[plugins.'io.containerd.server.v1.ttrpc']\naddress = '%s'\n", table.RecordedTTRPC)
	fmt.Fprintf(&b, "[plugins.'io.containerd.shim.v1.manager']\nsocket_dir = '%s'\n", table.PassageSocketDir)
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

// askDaemon starts the daemon in home and makes requests.
func askDaemon(ctx context.Context, config string, requests []daemonRequest) ([]daemonAnswer, error) {
	in := func(name string) string { return filepath.Join(home, name) }
	err := errors.Join(os.RemoveAll(in("root")), os.RemoveAll(in("state")),
		os.WriteFile(in("config.toml"), []byte(config), 0o666))
	if err != nil {
		return nil, err
	}
	order := daemonOrder{Config: in("config.toml"), Root: in("root"), State: in("state"), Seen: in("seen"),
		Socket:    in("s"),
		Namespace: table.RecordedNamespace, ID: table.RecordedID, Requests: requests}
	cmd := exec.CommandContext(ctx, in("containerd"))
	cmd.Dir = home
	cmd.Env = []string{"SHIMFUZZ_RECORD_TO=" + order.Seen}
	return run(cmd, order)
}

// run gives an order to a daemon and returns its answers.
func run(cmd *exec.Cmd, order daemonOrder) ([]daemonAnswer, error) {
	input, err := json.Marshal(order)
	if err != nil {
		return nil, err
	}
	cmd.Stdin = bytes.NewReader(input)
	out, err := gocmd.Output(cmd)
	if err != nil {
		return nil, fmt.Errorf("daemon: %w", err)
	}
	var answers []daemonAnswer
	return answers, json.Unmarshal(out, &answers)
}
