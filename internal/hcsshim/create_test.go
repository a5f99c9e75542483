package hcsshim

import (
	"bytes"
	"errors"
	"io"
	"testing"
	"testing/iotest"

	"github.com/Microsoft/hcsshim/cmd/containerd-shim-runhcs-v1/options"
	task "github.com/containerd/containerd/api/runtime/task/v2"
)

// A place gets the Any of the bytes, and no Any if there are none.
func TestOfRequest(t *testing.T) {
	empty, nothing := new(options.Options), (*options.Options)(nil)
	for _, test := range []struct {
		name  string
		b     []byte
		gives *options.Options
		any   bool // in the request
		want  *options.Options
	}{
		{"no Any, and empty options", nil, empty, false, nil},
		{"no Any, and no options", nil, nothing, false, nil},
		{"an Any, and empty options", []byte("\x0a\x01a"), empty, true, empty},
		{"an Any, and no options", []byte("\x0a\x01a"), nothing, true, nil},
	} {
		opts, err := OfRequest(func(req *task.CreateTaskRequest) (*options.Options, error) {
			if (req.Options != nil) != test.any || req.Options.GetTypeUrl() != "a" && test.any {
				t.Errorf("%s: the request has %v", test.name, req.Options)
			}
			return test.gives, nil
		})(bytes.NewReader(test.b))
		if opts != test.want || err != nil {
			t.Errorf("%s: %v, %v; want %v", test.name, opts, err, test.want)
		}
	}
}

// What is no request, or cannot be read, does not reach the place.
func TestOfRequestFails(t *testing.T) {
	for _, r := range []io.Reader{bytes.NewReader([]byte{0x0a}), iotest.ErrReader(errors.New("disk on fire"))} {
		_, err := OfRequest(func(*task.CreateTaskRequest) (*options.Options, error) {
			t.Error("the place is called")
			return nil, nil
		})(r)
		if err == nil {
			t.Error("no error")
		}
	}
}
