//go:build ignore

// Command standin is started in place of a shim. It saves its arguments, environment
// and standard input to the file that SHIMFUZZ_RECORD_TO names, and fails.
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
	os.Exit(1) // containerd must not mistake it for a running shim
}

func save(file string) error {
	var seen struct {
		Args  []string
		Env   []string
		Stdin []byte // nil for none, which is /dev/null
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
