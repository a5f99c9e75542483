//go:build shimfuzz

// Command standin is started in place of a shim. It adds its arguments, environment
// and standard input as a line to the file that SHIMFUZZ_RECORD_TO names. Then it
// prints SHIMFUZZ_ANSWER if it was to start a shim, and succeeds. If that variable is
// not set it fails.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/containerd/containerd/v2/shimfuzz/lab/compat/senders/order"
)

func main() {
	if err := save(os.Getenv("SHIMFUZZ_RECORD_TO")); err != nil {
		fmt.Fprintln(os.Stderr, "standin:", err)
		os.Exit(1)
	}
	address, ok := os.LookupEnv("SHIMFUZZ_ANSWER")
	if !ok {
		os.Exit(1) // containerd must not mistake it for a running shim
	}
	if slices.Contains(os.Args, "start") {
		fmt.Print(address)
		os.WriteFile("address", []byte(address), 0o666) // containerd fails if it needs it and it is missing
	}
}

func save(file string) error {
	seen := order.Seen{Args: os.Args[1:], Env: os.Environ()}
	info, err := os.Stdin.Stat()
	if err != nil {
		return err
	}
	if info.Mode()&os.ModeDevice == 0 {
		if seen.Stdin, err = io.ReadAll(os.Stdin); err != nil {
			return err
		}
	}
	line, err := json.Marshal(seen)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o666)
	if err != nil {
		return err
	}
	_, err = f.Write(append(line, '\n'))
	return errors.Join(err, f.Close())
}
