//go:build ignore

// Command recorder calls containerd's own code to start a shim, as its daemon does.
// It reads a request, as JSON, from its standard input and prints the answer as JSON. The
// stand-in saves what the shim was started with.
//
// The method start is in v1.go or v2.go, for the major version of containerd.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/containerd/log"
	"github.com/containerd/typeurl/v2"
)

// request is what the daemon is asked to do.
type request struct {
	Shim          string // absolute path of the binary
	Action        string // start, delete or info
	ID, Namespace string
	Type          string // full name of the options' message; "" for no options
	Value         []byte
	LogLevel      string
	GRPC, TTRPC   string // containerd's addresses
	SocketDir     string
	Root, State   string // the daemon's folders
}

// answer is the result of a request. The stand-in always fails, so an error is no
// sign that no shim was started.
type answer struct {
	Unsupported string // the feature that this containerd does not have
	Error       string // from containerd
}

func main() {
	var r request
	err := json.NewDecoder(os.Stdin).Decode(&r)
	if err == nil {
		err = json.NewEncoder(os.Stdout).Encode(r.do(context.Background()))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "recorder:", err)
		os.Exit(1)
	}
}

func (r *request) do(ctx context.Context) answer {
	opts, err := r.options()
	err = errors.Join(err, log.SetLevel(r.LogLevel), os.MkdirAll(r.Root, 0o711), os.MkdirAll(r.State, 0o711))
	if r.Action == "delete" {
		err = errors.Join(err, r.bundle())
	}
	if err != nil {
		return answer{Error: err.Error()}
	}
	var a answer
	if a.Unsupported, err = r.start(ctx, opts); err != nil {
		a.Error = err.Error()
	}
	return a
}

// options returns the requested options, decoded and encoded again with the types
// and the typeurl that this containerd links, as its CRI does with its configuration.
func (r *request) options() (typeurl.Any, error) {
	if r.Type == "" {
		return nil, nil
	}
	v, err := typeurl.UnmarshalByTypeURL(r.Type, r.Value)
	if err != nil {
		return nil, err
	}
	return typeurl.MarshalAny(v)
}

// bundle makes the folder of a container from an earlier daemon, whose shim no longer
// runs. The daemon deletes it.
func (r *request) bundle() error {
	dir := filepath.Join(r.State, r.Namespace, r.ID)
	if err := os.MkdirAll(dir, 0o711); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "shim-binary-path"), []byte(r.Shim), 0o600)
}

// spec is an empty OCI specification.
type spec struct{}

func (spec) GetTypeUrl() string { return "types.containerd.io/opencontainers/runtime-spec/1/Spec" }
func (spec) GetValue() []byte   { return []byte("{}") }
