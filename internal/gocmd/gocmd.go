// Package gocmd runs the go command in modules other than the suite's.
package gocmd

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
)

// Run runs the go command in dir and returns its standard output. Its error
// carries what the command wrote to standard error. What it downloads meanwhile
// is shown on standard error.
func Run(dir string, env []string, args ...string) ([]byte, error) {
	cmd := exec.Command("go", args...)
	cmd.Dir = dir
	// go generate exports GOOS and GOARCH, and a user's GOFLAGS may name a
	// -modfile: neither is meant for another module.
	cmd.Env = append(os.Environ(), "GOFLAGS=", "GOWORK=off")
	cmd.Env = append(cmd.Env, env...)
	var stderr bytes.Buffer
	cmd.Stderr = io.MultiWriter(&stderr, &downloads{})
	out, err := cmd.Output()
	if err == nil {
		return out, nil
	}
	if text := strings.TrimSpace(stderr.String()); text != "" {
		return out, errors.New(text)
	}
	return out, fmt.Errorf("go %s: %w", args[0], err)
}

// Module is a module in the module cache.
type Module struct {
	Path, Version string
	Dir           string // absolute path of its root
	Sum           string // checksum of its content, as in go.sum
	GoMod         string // absolute path of its go.mod
}

// Download gets a module at a version into the module cache, if it is not there.
func Download(path, version string) (*Module, error) {
	out, err := Run(os.TempDir(), nil, "mod", "download", "-json", path+"@"+version)
	var m struct {
		Module
		Error string
	}
	if json.Unmarshal(out, &m) == nil && m.Dir != "" {
		return &m.Module, nil
	}
	why := m.Error
	if why == "" && err != nil {
		why = err.Error()
	}
	return nil, errors.New(strings.Join(strings.Fields(why), " "))
}

// downloads shows the go command's progress lines, and nothing else of it.
type downloads struct{ rest []byte }

func (d *downloads) Write(p []byte) (int, error) {
	d.rest = append(d.rest, p...)
	for {
		line, rest, found := bytes.Cut(d.rest, []byte("\n"))
		if !found {
			return len(p), nil
		}
		d.rest = rest
		if bytes.HasPrefix(line, []byte("go: downloading ")) {
			fmt.Fprintf(os.Stderr, "%s\n", line)
		}
	}
}
