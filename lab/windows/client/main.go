// Command client starts a shim and calls its API, as containerd does. It is built
// for Windows and run beside the shims; package calls has its protocol.
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

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
