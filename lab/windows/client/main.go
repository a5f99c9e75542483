// Command client starts a shim and calls its API, as containerd does. It is built
// for Windows and run beside the shims; package calls has its protocol.
package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/containerd/containerd/api/runtime/task/v2"
	"github.com/containerd/ttrpc"
	"google.golang.org/protobuf/encoding/protowire"

	"shimfuzz/lab/windows/calls"
)

func main() {
	if err := run(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "client:", err)
		os.Exit(1)
	}
}

// run answers requests until there are no more. A shim serves as many of them as
// it survives.
func run(in io.Reader, out io.Writer) error {
	requests, replies := json.NewDecoder(bufio.NewReader(in)), json.NewEncoder(out)
	var setup calls.Setup
	if err := requests.Decode(&setup); err != nil {
		return fmt.Errorf("reading the setup: %w", err)
	}
	c := &client{setup: setup}
	defer c.end()
	for {
		var r calls.Request
		if err := requests.Decode(&r); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return fmt.Errorf("reading a request: %w", err)
		}
		reply, err := c.create(r)
		if err != nil {
			return err
		}
		if err := replies.Encode(reply); err != nil {
			return err
		}
	}
}

// client has the shim that is running, if one is.
type client struct {
	setup   calls.Setup
	started int // shims so far
	shim    *shim
}

// shim is a shim that has answered Connect.
type shim struct {
	id, address, bundle string
	process             *os.Process
	conn                *connection
	log                 *logReader // nil if the log is not read
}

// create calls Create of the shim that is running, or of a new one.
func (c *client) create(r calls.Request) (*calls.Reply, error) {
	reply := new(calls.Reply)
	if c.shim == nil {
		var err error
		if reply.Start, err = c.start(); err != nil || c.shim == nil {
			return reply, err
		}
	}
	s := c.shim
	reply.Create = s.conn.create(s.id, filepath.Join(s.bundle, "missing"), r.Options)
	if s.log != nil {
		reply.Log = s.log.untilNow(s.conn)
	}
	if reply.Create.Closed {
		if err := c.ended(reply); err != nil {
			return nil, err
		}
	}
	var again *connection
	if again, reply.Again = connect(s.address, s.id); reply.Again.Err == "" {
		again.Close()
	}
	return reply, nil
}

// ended waits for the end of a shim that has closed its connection.
func (c *client) ended(reply *calls.Reply) error {
	s := c.shim
	c.shim = nil
	s.conn.Close()
	state, err := s.process.Wait()
	if err != nil {
		return fmt.Errorf("waiting for the end of a shim: %w", err)
	}
	reply.Exit = state.ExitCode()
	text, err := os.ReadFile(filepath.Join(s.bundle, "panic.log"))
	reply.PanicLog = string(text)
	return err
}

// end ends the shim that is running.
func (c *client) end() {
	if c.shim != nil {
		_ = c.shim.process.Kill() // it may have ended
	}
}

// start runs the shim's start in a bundle of its own, and connects to what that
// has started. There is no shim if it does not answer.
func (c *client) start() (*calls.Start, error) {
	id := fmt.Sprintf("%s-%d", c.setup.ID, c.started)
	c.started++
	bundle, err := filepath.Abs(id)
	if err != nil {
		return nil, err
	}
	if err := errors.Join(os.Mkdir(bundle, 0o777), os.WriteFile(filepath.Join(bundle, "config.json"), []byte("{}"),
		0o666)); err != nil {
		return nil, err
	}
	did, err := runStart(exec.Command(c.setup.Shim, append([]string{"--id", id}, c.setup.Args...)...), bundle,
		c.setup.Stdin)
	if err != nil {
		return nil, err
	}
	s := &shim{id: id, address: did.Stdout, bundle: bundle}
	if s.conn, did.Connect = connect(s.address, id); did.Connect.Err != "" {
		return did, nil
	}
	if s.process, err = os.FindProcess(int(did.Connect.Pid)); err != nil {
		return nil, fmt.Errorf("finding the shim's process: %w", err)
	}
	c.shim = s
	if c.setup.Log {
		s.log, err = openLog(c.setup.Namespace, s)
	}
	return did, err
}

// runStart runs start. Its output goes to files, because a pipe stays open as long
// as the shim has it, too.
func runStart(cmd *exec.Cmd, bundle string, stdin []byte) (*calls.Start, error) {
	stdout, stderr := filepath.Join(bundle, "stdout.txt"), filepath.Join(bundle, "stderr.txt")
	out, err1 := os.Create(stdout)
	errs, err2 := os.Create(stderr)
	if err := errors.Join(err1, err2); err != nil {
		return nil, err
	}
	defer out.Close()
	defer errs.Close()
	cmd.Dir, cmd.Stdin, cmd.Stdout, cmd.Stderr = bundle, bytes.NewReader(stdin), out, errs
	var exit *exec.ExitError
	if err := cmd.Run(); err != nil && !errors.As(err, &exit) {
		return nil, fmt.Errorf("running start: %w", err)
	}
	outText, err1 := os.ReadFile(stdout)
	errText, err2 := os.ReadFile(stderr)
	return &calls.Start{Exit: cmd.ProcessState.ExitCode(), Stdout: string(outText), Stderr: string(errText)},
		errors.Join(err1, err2)
}

// connection is a connection to a shim's API.
type connection struct {
	net.Conn
	task task.TTRPCTaskService
}

// connect makes connections to a shim, calls Connect on each, and returns the first
// that is answered. The others stay open.
//
// Under Wine 8 a connection was seen never to be answered. Probably it is one to the
// instance of the pipe that go-winio's ListenPipe creates and never serves (firstHandle
// in pipe.go), so no more than one is expected.
func connect(address, id string) (*connection, calls.Answer) {
	type result struct {
		*connection
		calls.Answer
	}
	results := make(chan result, connections)
	for range connections {
		go func() {
			c, a := connectOnce(address, id)
			results <- result{c, a}
		}()
	}
	var r result
	for range connections {
		if r = <-results; r.Err == "" {
			break
		}
	}
	return r.connection, r.Answer
}

// connections is one more than may not be answered.
const connections = 2

func connectOnce(address, id string) (*connection, calls.Answer) {
	pipe, err := dial(address)
	if err != nil {
		return nil, answer(0, err)
	}
	c := &connection{pipe, task.NewTTRPCTaskClient(ttrpc.NewClient(pipe))}
	return c, c.connect(id)
}

func (c *connection) connect(id string) calls.Answer {
	r, err := c.task.Connect(context.Background(), &task.ConnectRequest{ID: id})
	return answer(r.GetShimPid(), err)
}

// create calls Create with these bytes in the field options. They travel as an
// unknown field, because they may be no Any.
func (c *connection) create(id, bundle string, options *[]byte) calls.Answer {
	req := &task.CreateTaskRequest{ID: id, Bundle: bundle}
	if options != nil {
		raw := protowire.AppendTag(nil, 10, protowire.BytesType)
		req.ProtoReflect().SetUnknown(protowire.AppendBytes(raw, *options))
	}
	r, err := c.task.Create(context.Background(), req)
	return answer(r.GetPid(), err)
}

func answer(pid uint32, err error) calls.Answer {
	if err == nil {
		return calls.Answer{Pid: pid}
	}
	return calls.Answer{Err: err.Error(), Closed: errors.Is(err, ttrpc.ErrClosed)}
}
