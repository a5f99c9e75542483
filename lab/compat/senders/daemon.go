package senders

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"shimfuzz/internal/gocmd"
	"shimfuzz/lab/compat/recorded"
	"shimfuzz/lab/compat/senders/order"
	"shimfuzz/lab/windows/wine"
)

// windowsOptions returns what CRI makes of the runtimes that containerd for Windows
// has by itself, for each setting that changes them or leaves them alone. The daemon
// runs under Wine; no shim is started.
func windowsOptions(ctx context.Context, host *wine.Host, version string) (map[string]order.Answer, error) {
	all := make(map[string]order.Answer)
	for _, s := range recorded.Settings() {
		if s.Windows == "" {
			continue
		}
		dir, err := os.MkdirTemp(order.Home, "windows-")
		if err != nil {
			return nil, err
		}
		answers, err := ask(ctx, host, dir, config(version, s), []order.Request{{Handler: s.Windows}})
		if err == nil && answers[0].Error != "" {
			err = errors.New(answers[0].Error)
		}
		if err != nil {
			return nil, fmt.Errorf("%s under Wine: %w", s.Name, err)
		}
		all[s.Name] = answers[0]
	}
	return all, nil
}

// ask gives requests to a daemon whose folder is dir, under Wine if there is a host, and returns
// the answers that it prints.
func ask(ctx context.Context, host *wine.Host, dir, config string, requests []order.Request) (answers []order.Answer,
	err error) {
	input, err := json.Marshal(requests)
	if err := errors.Join(err, os.WriteFile(filepath.Join(dir, "config.toml"), []byte(config), 0o666)); err != nil {
		return nil, err
	}
	var out []byte
	if host == nil {
		cmd := exec.CommandContext(ctx, inHome("containerd"))
		cmd.Dir, cmd.Stdin = dir, bytes.NewReader(input)
		cmd.Env = []string{} // what a shim gets is set by containerd
		out, err = gocmd.Output(cmd)
	} else {
		var r wine.Result
		r, err = host.Run(ctx, wine.Command{Program: inHome("daemon.exe"), Dir: dir, Stdin: input,
			Limit: time.Minute}) // it takes less than a second
		if err == nil && r.Exit != 0 {
			err = fmt.Errorf("exit status %d: %s", r.Exit, strings.TrimSpace(r.Stderr))
		}
		out = []byte(r.Stdout)
	}
	if err != nil {
		return nil, err
	}
	return answers, json.Unmarshal(out, &answers)
}

// config is a daemon's configuration file with settings. The first is the default, because
// 1.7 drops its own with any table of runtimes. A runtime that containerd for Windows has by
// itself is left alone if the setting has no table; no shim of it is started.
func config(version string, all ...recorded.Setting) string {
	g := generationOf(version)
	var b strings.Builder
	fmt.Fprintf(&b, "version = %d\n", g.config)
	if all[0].Windows == "" { // up to 2.2 the addresses are in grpc and ttrpc
		fmt.Fprintf(&b, "[grpc]\naddress = '%[1]s'\n[plugins.'io.containerd.server.v1.grpc']\naddress = '%[1]s'\n"+
			"[ttrpc]\naddress = '%[2]s'\n[plugins.'io.containerd.server.v1.ttrpc']\naddress = '%[2]s'\n"+
			"[plugins.'io.containerd.shim.v1.manager']\nsocket_dir = '%[3]s'\n", order.GRPC, order.TTRPC,
			order.SocketDir)
	}
	for i, s := range all {
		if s.Windows != "" && s.NoTable {
			continue
		}
		name := cmp.Or(s.Windows, s.Name)
		if i == 0 {
			fmt.Fprintf(&b, "[plugins.'%s'.containerd]\ndefault_runtime_name = '%s'\n", g.plugin, name)
		}
		fmt.Fprintf(&b, "[plugins.'%s'.containerd.runtimes.%s]\nruntime_type = '%s'\n", g.plugin, name, s.Type)
		if s.Path != "" {
			fmt.Fprintf(&b, "runtime_path = '%s'\n", s.Path)
		}
		if !s.NoTable {
			fmt.Fprintf(&b, "[plugins.'%s'.containerd.runtimes.%s.options]\n%s\n", g.plugin, name, s.TOML)
		}
	}
	return b.String()
}
