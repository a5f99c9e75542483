package decoder

import (
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/Microsoft/hcsshim/cmd/containerd-shim-runhcs-v1/options"

	"shimfuzz/internal/contract"
)

type badError struct{}

func (badError) Error() string { panic("an error that cannot be printed") }

// Whatever a readOptions does is an outcome; the kind of an error is the decoder's to tell.
func TestDecode(t *testing.T) {
	opts := &options.Options{Debug: true}
	no := errors.New("no")
	for _, test := range []struct {
		name     string
		read     func() (*options.Options, error)
		classify func(error) contract.Kind
		want     contract.Kind
		panic    string
	}{
		{"options", func() (*options.Options, error) { return opts, nil }, nil, contract.Options, ""},
		{"none", func() (*options.Options, error) { return nil, nil }, nil, contract.None, ""},
		{"an error", func() (*options.Options, error) { return nil, no }, nil, contract.Error, ""},
		{"an error of a kind", func() (*options.Options, error) { return nil, no }, func(err error) contract.Kind {
			if err == no {
				return contract.Read
			}
			return contract.Error
		}, contract.Read, ""},
		{"both", func() (*options.Options, error) { return opts, no }, nil, contract.OptionsAndError, ""},
		{"a panic", func() (*options.Options, error) { panic("boom") }, nil, contract.Panic, "boom"},
		{"an error that panics when it is printed", func() (*options.Options, error) { return nil, badError{} }, nil,
			contract.Panic, "an error that cannot be printed"},
	} {
		t.Run(test.name, func(t *testing.T) {
			d := Decoder{Name: "test", Classify: test.classify,
				Read: func(io.Reader) (*options.Options, error) { return test.read() }}
			got := d.Decode(strings.NewReader("x"), []byte("x"))
			if got.Kind != test.want || !strings.HasPrefix(got.Panic, test.panic) {
				t.Errorf("%v, %q; want %s, %q", got.Kind, got.Panic, test.want, test.panic)
			}
		})
	}
}
