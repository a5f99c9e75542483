//go:build ignore

// Command standin stands in for a shim's binary: it saves what it was started
// with to the file that the environment names, and fails.
package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
)

func main() {
	if err := save(os.Getenv("SHIMFUZZ_RECORD_TO")); err != nil {
		fmt.Fprintln(os.Stderr, "standin:", err)
	}
	os.Exit(1) // no shim has started, and containerd must not think so
}

func save(file string) error {
	var seen struct {
		Args  []string
		Env   []string
		Stdin []byte // nil if there is none, which is /dev/null to a process
	}
	seen.Args, seen.Env = os.Args[1:], os.Environ()
	info, err := os.Stdin.Stat()
	if err != nil {
		return err
	}
	if info.Mode()&os.ModeDevice == 0 {
		if seen.Stdin, err = io.ReadAll(os.Stdin); err != nil {
			return err
		}
	}
	text, err := json.Marshal(seen)
	if err != nil {
		return err
	}
	return os.WriteFile(file, text, 0o666)
}
