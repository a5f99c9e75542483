//go:build windows

// Command client starts a shim and calls its API, as containerd does. It is run beside the
// shims; package windows has its input and output.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

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
