//go:build ignore

package hcsshim

import (
	"io"
	"os"

	"github.com/Microsoft/hcsshim/cmd/containerd-shim-runhcs-v1/options"
)

// found is what the shim's call of FindExtension has found.
var found *options.Options

// observe takes what FindExtension has answered, with the options that it was to
// fill in, and hands it on.
func observe(opts *options.Options) func(bool, error) (bool, error) {
	return func(ok bool, err error) (bool, error) {
		if ok && err == nil {
			found = opts
		}
		return ok, err
	}
}

// throughStdin makes a readOptions of a function that reads the process's own
// standard input when the process is told to serve.
func throughStdin(configure func() error) func(io.Reader) (*options.Options, error) {
	return func(r io.Reader) (*options.Options, error) {
		in, out, err := os.Pipe()
		if err != nil {
			return nil, err
		}
		defer in.Close()
		go func() {
			_, _ = io.Copy(out, r) // the shim may stop reading
			out.Close()
		}()
		args, stdin, stderr := os.Args, os.Stdin, os.Stderr
		defer func() { os.Args, os.Stdin, os.Stderr = args, stdin, stderr }()
		os.Args, os.Stdin, found = []string{args[0], "serve"}, in, nil
		if err := configure(); err != nil {
			return nil, err
		}
		return found, nil
	}
}
