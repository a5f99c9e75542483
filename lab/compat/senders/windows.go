package senders

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"shimfuzz/lab/compat/settings"
	"shimfuzz/lab/windows/wine"
)

// windowsLimit ends a daemon for Windows that does not end by itself. One takes less
// than a second.
const windowsLimit = time.Minute

// windowsOptions returns what CRI makes of the runtimes that containerd for Windows
// has by itself, for each setting that changes them or leaves them alone. The daemon in
// the folder build runs under Wine; no shim is started.
func windowsOptions(ctx context.Context, host *wine.Host, build, version string) (all []daemonAnswer, err error) {
	dir, err := os.MkdirTemp(build, "windows-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	for _, s := range settings.All() {
		if s.Windows == "" {
			continue
		}
		a, err := windowsSetting(ctx, host, filepath.Join(build, "daemon.exe"), filepath.Join(dir, s.Name), version, s)
		if err != nil {
			return nil, fmt.Errorf("%s under Wine: %w", s.Name, err)
		}
		all = append(all, a)
	}
	return all, nil
}

func windowsSetting(ctx context.Context, host *wine.Host, program, dir, version string,
	s settings.Setting) (daemonAnswer,
	error) {
	if err := os.Mkdir(dir, 0o777); err != nil {
		return daemonAnswer{}, err
	}
	file := filepath.Join(dir, "config.toml")
	if err := os.WriteFile(file, []byte(windowsConfig(version, s)), 0o666); err != nil {
		return daemonAnswer{}, err
	}
	in := func(name string) string { return windowsPath(filepath.Join(dir, name)) }
	input, err := json.Marshal(daemonOrder{Config: windowsPath(file), Root: in("root"), State: in("state"),
		Seen: in("seen")})
	if err != nil {
		return daemonAnswer{}, err
	}
	r, err := host.Run(ctx, wine.Command{Program: program, Dir: dir, Stdin: input, Limit: windowsLimit})
	if err != nil {
		return daemonAnswer{}, err
	}
	var answers []daemonAnswer
	if err := json.Unmarshal([]byte(r.Stdout), &answers); err != nil {
		return daemonAnswer{}, fmt.Errorf("%w: %s", err, strings.TrimSpace(r.Stderr))
	}
	i := slices.IndexFunc(answers, func(a daemonAnswer) bool { return a.Handler == s.Windows })
	if i < 0 {
		return daemonAnswer{}, fmt.Errorf("containerd has no runtime %s", s.Windows)
	}
	answers[i].Handler = s.Name
	return answers[i], nil
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

// windowsPath is the path of a file as a program under Wine sees it.
func windowsPath(file string) string { return "Z:" + strings.ReplaceAll(file, "/", `\`) }
