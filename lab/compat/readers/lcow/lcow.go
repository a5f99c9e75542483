//go:build shimfuzz

package extracted

import (
	"io"
	"os"

	"github.com/Microsoft/hcsshim/cmd/containerd-shim-runhcs-v1/options"
)

// found is the options that the shim's call of FindExtension has found.
var found *options.Options

// observe returns a function that passes on the results of FindExtension, and keeps
// the options that it has filled in.
func observe(opts *options.Options) func(bool, error) (bool, error) {
	return func(ok bool, err error) (bool, error) {
		if ok && err == nil {
			found = opts
		}
		return ok, err
	}
}

// throughStdin returns a readOptions that calls a function of a shim, which reads the
// process's own standard input if the command line says serve.
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
