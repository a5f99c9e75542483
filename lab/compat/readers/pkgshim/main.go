//go:build shimfuzz

// Command pkgshim reads payloads with containerd's pkg/shim, on which shims are
// built. It is such a shim, and starts itself for each payload, as containerd does,
// to learn which Options its Start finds: runhcs's, or with the argument runc those of
// containerd's own shim.
package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"

	"github.com/Microsoft/hcsshim/cmd/containerd-shim-runhcs-v1/options"
	bootstrap "github.com/containerd/containerd/api/runtime/bootstrap/v1"
	"github.com/containerd/containerd/api/types"
	runc "github.com/containerd/containerd/api/types/runc/options"
	"github.com/containerd/containerd/v2/pkg/identifiers"
	"github.com/containerd/containerd/v2/pkg/shim"
	"google.golang.org/protobuf/proto"

	"shimfuzz/lab/conformance/protocol"
)

func main() {
	if len(os.Args) > 2 { // started below
		shim.RunShim(context.Background(), asked{})
		return
	}
	if len(os.Args) == 2 {
		os.Setenv(optionsOf, os.Args[1])
	}
	self, err := os.Executable()
	// A shim leaves a link to its socket directory in its working directory.
	bundle, err2 := os.MkdirTemp("", "shimfuzz-pkgshim-")
	if err = errors.Join(err, err2); err == nil {
		err = protocol.Serve(os.Stdin, os.Stdout,
			func(payload []byte) protocol.Answer { return decode(self, bundle, payload) })
	}
	if err = errors.Join(err, os.RemoveAll(bundle)); err != nil {
		fmt.Fprintln(os.Stderr, "pkgshim:", err)
		os.Exit(1)
	}
}

// optionsOf is the variable that names the shim whose Options are asked for.
const optionsOf = "SHIMFUZZ_OPTIONS_OF"

// decode starts the shim as containerd does.
func decode(self, bundle string, payload []byte) protocol.Answer {
	id, namespace := container(payload)
	cmd := exec.Command(self, "-namespace", namespace, "-address", "a", "-publish-binary", "b", "-id", id, "start")
	cmd.Dir = bundle
	cmd.Stdin = bytes.NewReader(payload)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	said := strings.TrimSpace(stderr.String())
	var exit *exec.ExitError
	switch {
	case err != nil && !errors.As(err, &exit):
		return protocol.Answer{Outcome: protocol.Unable, Detail: []byte(err.Error())}
	case strings.Contains(said, "\ngoroutine "):
		return protocol.Answer{Outcome: protocol.Panic, Detail: []byte(said)}
	}
	outcome, detail, ok := bytes.Cut(stdout.Bytes(), []byte("\n"))
	if !ok {
		return protocol.Failed(errors.New(said))
	}
	return protocol.Answer{Outcome: string(outcome), Detail: detail}
}

// container returns the container that containerd names on the command line: the one
// that its BootstrapParams name, or for other payloads that of the recordings.
func container(payload []byte) (id, namespace string) {
	var params bootstrap.BootstrapParams
	_ = proto.Unmarshal(payload, &params) // of damaged ones, what stands before the fault
	id, namespace = params.GetInstanceID(), params.GetNamespace()
	if params.GetContainerdVersion() == "" || identifiers.Validate(id) != nil ||
		identifiers.Validate(namespace) != nil {
		return "web-1", "k8s.io"
	}
	return id, namespace
}

// asked is a shim that prints the options that it finds, and does not start.
type asked struct{}

func (asked) Name() string { return "asked" }

func (asked) Start(_ context.Context, params *bootstrap.BootstrapParams) (*bootstrap.BootstrapResult, error) {
	var opts proto.Message = new(options.Options)
	if os.Getenv(optionsOf) == "runc" {
		opts = new(runc.Options)
	}
	found, err := params.FindExtension(opts)
	if err != nil {
		return nil, err
	}
	if !found {
		fmt.Print("none\n")
		os.Exit(0)
	}
	opts.ProtoReflect().SetUnknown(nil)
	b, err := proto.Marshal(opts)
	if err != nil {
		return nil, err
	}
	fmt.Printf("options\n%s", b)
	os.Exit(0)
	return nil, nil
}

func (asked) Stop(context.Context, string) (shim.StopStatus, error) { return shim.StopStatus{}, nil }

func (asked) Info(context.Context, io.Reader) (*types.RuntimeInfo, error) { return nil, nil }
