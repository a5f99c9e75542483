// Command client starts a shim and calls its API, as containerd does. It is built for
// Windows and run beside the shims; package windows has its input and output.
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"sync"

	"github.com/containerd/ttrpc"

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
	defer func() { s.end() }()
	replies := json.NewEncoder(os.Stdout)
	for i, options := range order.Options {
		if s == nil {
			var err error
			if s, err = start(order, fmt.Sprintf("%s-%d", order.ID, i)); err != nil {
				return err
			}
		}
		reply, err := s.create(options, fmt.Sprintf("mark-%d-", i))
		if reply.Closed {
			s = nil
		}
		if err := errors.Join(err, replies.Encode(reply)); err != nil {
			return err
		}
	}
	return nil
}

// shim is a shim that has answered Connect.
type shim struct {
	id, address, bundle string
	process             *os.Process
	conn                *connection
	logs                sync.WaitGroup // done at the end of its log
}

// start runs the shim's start in a bundle of its own, and connects to what that
// has started.
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
	cmd := exec.Command(order.Shim, append([]string{"-id", id}, order.Args...)...)
	cmd.Dir, cmd.Stdin, cmd.Stdout, cmd.Stderr = bundle, bytes.NewReader(order.Stdin), out, os.Stderr
	if err := errors.Join(cmd.Run(), out.Close()); err != nil {
		return nil, fmt.Errorf("running start: %w", err)
	}
	address, err := os.ReadFile(out.Name())
	if err != nil {
		return nil, err
	}
	s := &shim{id: id, address: string(address), bundle: bundle}
	if s.conn, err = connect(s.address, id); err != nil {
		return nil, fmt.Errorf("start gave no shim that answers: %w", err)
	}
	if s.process, err = os.FindProcess(s.conn.pid); err != nil {
		return nil, fmt.Errorf("finding the shim's process: %w", err)
	}
	if order.Log != "" {
		err = s.openLog(`\\.\pipe\containerd-shim-`+order.Namespace+"-"+id+"-log", order.Log)
	}
	return s, err
}

// openLog lets the shim log to a file, and returns when the log arrives there: the shim
// logs to nothing until it has noticed the connection. It waits until what it logs is read.
func (s *shim) openLog(address, name string) error {
	file, err := os.OpenFile(name, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o666)
	if err != nil {
		return err
	}
	old, err := file.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	for range connections { // as in connect; the shim logs to the last that it notices
		pipe, err := dial(address)
		if err != nil {
			return fmt.Errorf("connecting to the shim's log: %w", err)
		}
		s.logs.Go(func() { _, _ = io.Copy(file, pipe) }) // the error is the end of the shim
	}
	for {
		if err := s.conn.connect(s.id); err != nil {
			return fmt.Errorf("waiting for the shim's log: %w", err)
		}
		if info, err := file.Stat(); err != nil || info.Size() > old {
			return err
		}
	}
}

// create calls Create, and then Connect: the shim logs the ID of the latter, the mark.
func (s *shim) create(options []byte, mark string) (r windows.Reply, err error) {
	r.Mark = mark
	if err := s.conn.create(s.id, filepath.Join(s.bundle, "missing"), options); err != nil {
		r.Err, r.Closed = err.Error(), errors.Is(err, ttrpc.ErrClosed)
	}
	if r.Closed {
		err = s.ended(&r)
	}
	if again, err := connect(s.address, mark); err == nil {
		r.Alive = again.pid == s.conn.pid
		again.Close()
	}
	return r, err
}

// ended waits for the end of a shim that has closed its connection.
func (s *shim) ended(r *windows.Reply) error {
	s.conn.Close()
	state, err := s.process.Wait()
	if err != nil {
		return fmt.Errorf("waiting for the end of a shim: %w", err)
	}
	s.logs.Wait()
	r.Exit = state.ExitCode()
	text, err := os.ReadFile(filepath.Join(s.bundle, "panic.log"))
	r.PanicLog = string(text)
	return err
}

// end ends the shim, if there is one.
func (s *shim) end() {
	if s != nil {
		_ = s.process.Kill() // it may have ended
		s.logs.Wait()
	}
}
