//go:build ignore

// Command daemon is containerd's daemon as far as runtime options go: containerd's own
// server loads a configuration file and starts its own plugins, from CRI's
// configuration down to the shim. Only what listens for clients is left out, and the
// shim is the stand-in, to which this program gives an address where it answers itself.
// It can also ask the manager of shims alone, with a configuration that no file gives it.
//
// It reads an order, as JSON, from its standard input and prints the answers as JSON.
// What is particular to a major version of containerd is in v1.go or v2.go; containerd.go
// is the same for both.
package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"sync"

	"github.com/containerd/containerd/v2/shimfuzz/order"
	"github.com/containerd/log"
	"github.com/containerd/ttrpc"
	"github.com/containerd/typeurl/v2"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/emptypb"
)

// daemon is a daemon with its order.
type daemon struct{ order.Order }

func main() {
	log.L.Logger.SetOutput(io.Discard)
	var o daemon
	err := json.NewDecoder(os.Stdin).Decode(&o.Order)
	if err == nil {
		err = o.run(context.Background())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "daemon:", err)
		os.Exit(1)
	}
}

func (o *daemon) run(ctx context.Context) error {
	var s shim
	if err := s.listen(o.Socket); err != nil {
		return err
	}
	if err := o.serve(ctx); err != nil {
		return err
	}
	var answers []order.Answer
	for _, r := range o.Requests {
		a, err := o.answer(ctx, r, &s)
		if err != nil {
			return fmt.Errorf("%+v: %w", r, err)
		}
		answers = append(answers, a)
	}
	return json.NewEncoder(os.Stdout).Encode(answers)
}

// answer makes one request. The error is one of this program.
func (o *daemon) answer(ctx context.Context, r order.Request, s *shim) (order.Answer, error) {
	if err := os.Remove(o.Seen); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return order.Answer{}, err
	}
	s.take()
	opts, err := options(&r)
	a := order.Answer{Handler: r.Handler, Runtime: r.Runtime}
	if err == nil && opts != nil {
		a.Type, a.Value = opts.GetTypeUrl(), opts.GetValue()
	}
	if err = errors.Join(err, log.SetLevel(cmp.Or(r.LogLevel, "info"))); err == nil {
		err = o.start(ctx, r, opts)
	}
	if err != nil {
		a.Error = err.Error()
	}
	a.Calls = s.take()
	f, err := os.Open(o.Seen)
	if errors.Is(err, fs.ErrNotExist) {
		return a, nil
	}
	if err != nil {
		return a, err
	}
	defer f.Close()
	for lines := json.NewDecoder(f); lines.More(); {
		var seen order.Seen
		if err := lines.Decode(&seen); err != nil {
			return a, err
		}
		a.Seen = append(a.Seen, seen)
	}
	return a, nil
}

// start makes containerd start the stand-in, which fails unless it is given an address.
func (o *daemon) start(ctx context.Context, r order.Request, opts typeurl.Any) error {
	switch r.Through {
	case "":
		return nil
	case "manager":
		return errors.Join(os.Unsetenv("SHIMFUZZ_ANSWER"), o.manage(ctx, r, opts))
	}
	os.Setenv("SHIMFUZZ_ANSWER", address(r.Through, o.Socket)) // containerd passes its own on to the shim
	return o.create(ctx, r, opts)
}

// options returns what CRI makes of a runtime of the configuration; or the requested
// options, encoded with the types that this containerd links.
func options(r *order.Request) (typeurl.Any, error) {
	var v any
	var err error
	if r.Handler != "" {
		v, r.Runtime, r.Path, err = configured(r.Handler)
	} else if r.Type != "" {
		v, err = typeurl.UnmarshalByTypeURL(r.Type, r.Value)
	}
	if err != nil || v == nil {
		return nil, err
	}
	return typeurl.MarshalAny(v)
}

// shim is what the stand-in serves: every call is answered with an empty message, in
// which a process has the number 0.
type shim struct {
	sync.Mutex
	calls []order.Call
}

func (s *shim) listen(socket string) error {
	if socket == "" {
		return nil
	}
	server, err := ttrpc.NewServer()
	if err != nil {
		return err
	}
	for _, task := range []string{"containerd.task.v2.Task", "containerd.task.v3.Task"} {
		server.Register(task, s.methods("Create", "Connect", "Delete", "Shutdown"))
	}
	server.Register("containerd.runtime.sandbox.v1.Sandbox", s.methods("CreateSandbox", "StartSandbox",
		"ShutdownSandbox"))
	l, err := net.Listen("unix", socket)
	if err != nil {
		return err
	}
	go server.Serve(context.Background(), l)
	return nil
}

func (s *shim) methods(names ...string) map[string]ttrpc.Method {
	all := make(map[string]ttrpc.Method)
	for _, name := range names {
		all[name] = func(_ context.Context, unmarshal func(any) error) (any, error) {
			request := new(emptypb.Empty) // keeps all fields, as unknown ones
			if err := unmarshal(request); err != nil {
				return nil, err
			}
			b, err := proto.Marshal(request)
			s.Lock()
			s.calls = append(s.calls, order.Call{Method: name, Request: b})
			s.Unlock()
			return new(emptypb.Empty), err
		}
	}
	return all
}

// take returns the calls since it was last called.
func (s *shim) take() []order.Call {
	s.Lock()
	defer s.Unlock()
	calls := s.calls
	s.calls = nil
	return calls
}
