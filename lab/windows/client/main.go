//go:build windows

// Command client starts a shim and calls its API, as containerd does. It is run beside the
// shims; package windows has its input and output.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"

	"github.com/Microsoft/go-winio"
	"github.com/containerd/containerd/api/runtime/task/v2"
	"github.com/containerd/ttrpc"
	"google.golang.org/protobuf/encoding/protowire"

	"shimfuzz/lab/windows"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "client:", err)
		os.Exit(1)
	}
}

// run does what it is ordered to. A shim serves as many calls as it survives.
func run() error {
	var order windows.Order
	if err := json.NewDecoder(os.Stdin).Decode(&order); err != nil {
		return fmt.Errorf("reading the order: %w", err)
	}
	var s *shim
	defer func() {
		if s != nil {
			_ = s.process.Kill() // it may have ended
		}
	}()
	replies := json.NewEncoder(os.Stdout)
	for i, options := range order.Options {
		if s == nil {
			var err error
			if s, err = start(order, fmt.Sprintf("%s-%d", order.ID, i)); err != nil {
				return fmt.Errorf("starting a shim: %w", err)
			}
		}
		reply, err := s.reply(options, fmt.Sprintf("mark-%d-", i))
		if !reply.Alive {
			s = nil
		}
		if err := errors.Join(err, replies.Encode(reply)); err != nil {
			return err
		}
	}
	return nil
}

// reply calls Create, and then Connect.
func (s *shim) reply(options []byte, mark string) (r windows.Reply, err error) {
	if err := s.create(options); err != nil {
		r.Err = err.Error()
	}
	r.Log, err = s.logged(mark)
	if r.Alive = err == nil; r.Alive {
		return r, nil
	}
	state, err := s.process.Wait()
	if err != nil {
		return r, fmt.Errorf("waiting for the end of a shim: %w", err)
	}
	text, err := os.ReadFile(filepath.Join(s.bundle, "panic.log"))
	r.Exit, r.PanicLog = state.ExitCode(), string(text)
	return r, err
}

// shim is a shim that has answered Connect.
type shim struct {
	id, bundle string
	task       task.TTRPCTaskService
	process    *os.Process

	mu  sync.Mutex
	log string // what it has logged since the last mark
}

// connections is how many are made where one is needed. Under Wine 8 a connection was seen
// never to be answered. Probably it is one to the instance of the pipe that go-winio's
// ListenPipe creates and never serves (firstHandle in pipe.go), so no more than one is
// expected.
const connections = 2

// start runs the shim's start in a bundle of its own, and connects to what that has
// started, and to its log.
func start(order windows.Order, id string) (*shim, error) {
	bundle, err := filepath.Abs(id)
	if err := errors.Join(err, os.Mkdir(bundle, 0o777),
		os.WriteFile(filepath.Join(bundle, "config.json"), []byte("{}"), 0o666)); err != nil {
		return nil, err
	}
	out, err := os.Create(filepath.Join(bundle, "stdout.txt")) // the shim would keep a pipe open
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(order.Shim, append(windows.Flags(id), "start")...)
	cmd.Dir, cmd.Stdin, cmd.Stdout, cmd.Stderr = bundle, bytes.NewReader(order.Stdin), out, os.Stderr
	err = errors.Join(cmd.Run(), out.Close())
	address, errRead := os.ReadFile(out.Name())
	if err := errors.Join(err, errRead); err != nil {
		return nil, err
	}
	s := &shim{id: id, bundle: bundle}
	if err := s.open(string(address)); err != nil {
		return nil, err
	}
	return s, s.openLog()
}

// open makes connections to a shim, calls Connect on each, and takes the first that is
// answered. The others stay open.
func (s *shim) open(address string) error {
	answered := make(chan error, connections)
	var first sync.Once
	for range connections {
		pipe, err := winio.DialPipeContext(context.Background(), address)
		if err != nil {
			return err
		}
		client := task.NewTTRPCTaskClient(ttrpc.NewClient(pipe))
		go func() {
			r, err := client.Connect(context.Background(), &task.ConnectRequest{ID: s.id})
			first.Do(func() {
				if s.task = client; err == nil {
					s.process, err = os.FindProcess(int(r.ShimPid))
				}
				answered <- err
			})
		}()
	}
	return <-answered
}

// openLog connects to a shim's log, which goes nowhere until the shim has noticed that, and
// to the last connection that it notices.
func (s *shim) openLog() error {
	name := `\\.\pipe\containerd-shim-` + windows.Namespace + "-" + s.id + "-log"
	for range connections {
		pipe, err := winio.DialPipeContext(context.Background(), name)
		if err != nil {
			return fmt.Errorf("reading its log: %w", err)
		}
		go func() { _, _ = io.Copy(s, pipe) }() // the error is the end of the shim
	}
	_, err := s.logged("mark-log-")
	return err
}

// Write adds to the log.
func (s *shim) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.log += string(b)
	return len(b), nil
}

// logged calls Connect until the shim has logged the ID of that, the mark, and returns what
// it has logged before.
func (s *shim) logged(mark string) (string, error) {
	for {
		if _, err := s.task.Connect(context.Background(), &task.ConnectRequest{ID: mark}); err != nil {
			return "", err
		}
		s.mu.Lock()
		before, after, found := strings.Cut(s.log, mark)
		if found {
			s.log = after
		}
		s.mu.Unlock()
		if found {
			return before, nil
		}
	}
}

// create calls Create with these bytes in the field options. They travel as an
// unknown field, because they may be no Any.
func (s *shim) create(options []byte) error {
	req := &task.CreateTaskRequest{ID: s.id, Bundle: filepath.Join(s.bundle, "missing")}
	if options != nil {
		raw := protowire.AppendTag(nil, 10, protowire.BytesType)
		req.ProtoReflect().SetUnknown(protowire.AppendBytes(raw, options))
	}
	_, err := s.task.Create(context.Background(), req)
	return err
}
