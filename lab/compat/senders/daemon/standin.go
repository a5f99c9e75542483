//go:build shimfuzz

package main

import (
	"encoding/json"
	"errors"
	"io"
	"os"
	"slices"

	"shimfuzz/lab/compat/senders/order"
)

// standIn is what the program is when containerd starts it in place of a shim. It adds its
// arguments, environment and standard input as a line to a file. Then it prints
// SHIMFUZZ_ANSWER if it was to start a shim. If that variable is not set it fails: containerd
// must not mistake it for a running shim.
func standIn(file string) error {
	seen := order.Seen{Args: os.Args[1:], Env: os.Environ()}
	info, err := os.Stdin.Stat()
	if err == nil && info.Mode()&os.ModeDevice == 0 {
		seen.Stdin, err = io.ReadAll(os.Stdin)
	}
	if err != nil {
		return err
	}
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		return err
	}
	if err := errors.Join(json.NewEncoder(f).Encode(seen), f.Close()); err != nil {
		return err
	}
	address, ok := os.LookupEnv("SHIMFUZZ_ANSWER")
	if !ok {
		return errors.New("no shim runs")
	}
	if !slices.Contains(os.Args, "start") {
		return nil
	}
	_, err = os.Stdout.WriteString(address)
	// containerd fails if it needs this file and it is missing
	return errors.Join(err, os.WriteFile("address", []byte(address), 0o666))
}
