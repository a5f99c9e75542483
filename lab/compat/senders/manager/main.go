//go:build shimfuzz

// Command manager makes containerd's manager of shims start a shim, or ask or delete one, for
// each request that it reads, as JSON, from its standard input. It prints, as JSON, what the
// shims were started with. They are this program again, under the name of a shim.
//
// What is particular to a major version of containerd, ask, is in v1.go or v2.go.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/containerd/log"
	"github.com/containerd/typeurl/v2"
	"google.golang.org/protobuf/types/known/anypb"

	// The types of the requested options.
	_ "github.com/Microsoft/hcsshim/cmd/containerd-shim-runhcs-v1/options"
	_ "github.com/containerd/containerd/api/types/runc/options"
	_ "github.com/containerd/containerd/api/types/runtimeoptions/v1"

	"shimfuzz/lab/compat/senders/order"
)

// The folders of the manager, and the file with what the last stand-in was started with.
const (
	root  = order.Home + "/root"
	state = order.Home + "/state"
	saved = order.Home + "/seen"
)

// spec is a container's.
var spec = &anypb.Any{Value: []byte("{}")}

func main() {
	run := answerAll
	if filepath.Base(os.Args[0]) != order.Binary {
		run = standIn
	}
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "manager:", err)
		os.Exit(1)
	}
}

func answerAll() error {
	log.L.Logger.SetOutput(io.Discard)
	var requests []order.Start
	if err := json.NewDecoder(os.Stdin).Decode(&requests); err != nil {
		return err
	}
	answers := make([]json.RawMessage, len(requests))
	for i, r := range requests {
		opts, err := prepare(r)
		if err != nil {
			return fmt.Errorf("%+v: %w", r, err)
		}
		// That no shim runs then is an error of containerd's.
		failed := ask(context.Background(), r, filepath.Join(order.Home, r.Shim), opts)
		if answers[i], err = os.ReadFile(saved); err != nil {
			return fmt.Errorf("%+v: no shim was started: %w", r, errors.Join(failed, err))
		}
	}
	return json.NewEncoder(os.Stdout).Encode(answers)
}

// prepare removes what another request has left, and returns the options encoded with the
// types that this containerd links.
func prepare(r order.Start) (typeurl.Any, error) {
	err := log.SetLevel(r.LogLevel)
	for _, name := range []string{root, state, saved} {
		err = errors.Join(err, os.RemoveAll(name))
	}
	bundle := filepath.Join(state, order.Namespace, order.ID)
	err = errors.Join(err, os.MkdirAll(root, 0o711), os.MkdirAll(state, 0o711))
	if r.Action == "delete" {
		// The bundle of a container from an earlier daemon, whose shim no longer runs.
		err = errors.Join(err, os.MkdirAll(bundle, 0o711), os.WriteFile(filepath.Join(bundle, "shim-binary-path"),
			[]byte(filepath.Join(order.Home, r.Shim)), 0o600))
	}
	if err != nil || r.Type == "" {
		return nil, err
	}
	v, err := typeurl.UnmarshalByTypeURL(r.Type, r.Value)
	if err != nil {
		return nil, err
	}
	return typeurl.MarshalAny(v)
}

// standIn is what the program is when containerd starts it in place of a shim. It saves its
// arguments, environment and standard input. It always fails: containerd must not mistake it
// for a running shim.
func standIn() error {
	seen := order.Seen{Args: os.Args[1:], Env: os.Environ()}
	info, err := os.Stdin.Stat()
	if err == nil && info.Mode()&os.ModeDevice == 0 {
		seen.Stdin, err = io.ReadAll(os.Stdin)
	}
	if err != nil {
		return err
	}
	text, err := json.Marshal(seen)
	return errors.Join(err, os.WriteFile(saved, text, 0o666), errors.New("no shim runs"))
}
