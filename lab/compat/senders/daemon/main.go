//go:build shimfuzz

// Command daemon is containerd's daemon as far as runtime options go: containerd's own
// server loads a configuration file and starts its own plugins, from CRI's
// configuration down to the shim. Only what listens for clients is left out, and the
// shim is this program again, to which it gives an address where it answers itself.
// It can also ask the manager of shims alone, with a configuration that no file gives it.
//
// It reads requests, as JSON, from its standard input and prints the answers as JSON.
// What it needs and makes is in its working directory, config.toml among it.
// What is particular to a major version of containerd is in v1.go or v2.go; containerd.go
// is the same for both.
package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"runtime"

	"github.com/containerd/log"
	"github.com/containerd/ttrpc"
	"github.com/containerd/typeurl/v2"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/emptypb"

	"shimfuzz/lab/compat/senders/order"
)

type daemon struct {
	dir     string
	created []byte // the last CreateTaskRequest to the stand-in
}

func main() {
	log.L.Logger.SetOutput(io.Discard)
	run := func() error { return answerAll(context.Background()) }
	if file, ok := os.LookupEnv("SHIMFUZZ_RECORD_TO"); ok {
		run = func() error { return standIn(file) }
	}
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "daemon:", err)
		os.Exit(1)
	}
}

// in is the path of a file of the daemon's.
func (d *daemon) in(name string) string { return filepath.Join(d.dir, name) }

func answerAll(ctx context.Context) error {
	var requests []order.Request
	dir, err := os.Getwd()
	d := &daemon{dir: dir}
	if err := errors.Join(err, json.NewDecoder(os.Stdin).Decode(&requests), d.listen(), d.serve(ctx)); err != nil {
		return err
	}
	var answers []order.Answer
	for _, r := range requests {
		a, err := d.answer(ctx, r)
		if err != nil {
			return fmt.Errorf("%+v: %w", r, err)
		}
		answers = append(answers, a)
	}
	return json.NewEncoder(os.Stdout).Encode(answers)
}

// answer makes one request. The error is one of this program.
func (d *daemon) answer(ctx context.Context, r order.Request) (order.Answer, error) {
	d.created = nil
	if err := errors.Join(os.WriteFile(d.in("seen"), nil, 0o666),
		log.SetLevel(cmp.Or(r.LogLevel, "info"))); err != nil {
		return order.Answer{}, err
	}
	opts, err := options(&r)
	a := order.Answer{Runtime: r.Runtime}
	if err == nil && opts != nil {
		a.Type, a.Value = opts.GetTypeUrl(), opts.GetValue()
	}
	if err == nil {
		err = d.start(ctx, r, opts)
	}
	if err != nil {
		a.Error = err.Error()
	}
	a.Create = d.created
	text, err := os.ReadFile(d.in("seen"))
	for lines := json.NewDecoder(bytes.NewReader(text)); err == nil && lines.More(); {
		var seen order.Seen
		err = lines.Decode(&seen)
		a.Seen = append(a.Seen, seen)
	}
	return a, err
}

// start makes containerd start the stand-in, which fails unless it is given an address.
// containerd passes its own environment on to it.
func (d *daemon) start(ctx context.Context, r order.Request, opts typeurl.Any) error {
	os.Setenv("SHIMFUZZ_RECORD_TO", d.in("seen"))
	switch r.Through {
	case "":
		return nil
	case "manager":
		return errors.Join(os.Unsetenv("SHIMFUZZ_ANSWER"), d.manage(ctx, r, opts))
	}
	os.Setenv("SHIMFUZZ_ANSWER", d.address(r.Through))
	return d.create(ctx, r, opts)
}

// address is what a shim prints when it has started: the address alone, as runhcs-v1
// does, or what a shim that has sandboxes must say of itself.
func (d *daemon) address(through string) string {
	address := "unix://" + d.in("s")
	if through == "task" {
		return address
	}
	return fmt.Sprintf(`{"version":%d,"protocol":"ttrpc","address":"%s"}`, shimVersion, address)
}

// listen serves what the stand-in stands for: every call is answered with an empty message,
// in which a process has the number 0. On Windows no shim is started.
func (d *daemon) listen() error {
	if runtime.GOOS == "windows" {
		return nil
	}
	server, err := ttrpc.NewServer()
	if err != nil {
		return err
	}
	for service, methods := range map[string][]string{
		"containerd.task.v2.Task":               {"Create", "Connect", "Delete", "Shutdown"},
		"containerd.task.v3.Task":               {"Create", "Connect", "Delete", "Shutdown"},
		"containerd.runtime.sandbox.v1.Sandbox": {"CreateSandbox", "StartSandbox", "ShutdownSandbox"},
	} {
		all := make(map[string]ttrpc.Method)
		for _, name := range methods {
			all[name] = func(_ context.Context, unmarshal func(any) error) (any, error) {
				request := new(emptypb.Empty) // keeps all fields, as unknown ones
				err := unmarshal(request)
				if err == nil && name == "Create" {
					d.created, err = proto.Marshal(request)
				}
				return new(emptypb.Empty), err
			}
		}
		server.Register(service, all)
	}
	l, err := net.Listen("unix", d.in("s"))
	if err != nil {
		return err
	}
	go server.Serve(context.Background(), l)
	return nil
}
