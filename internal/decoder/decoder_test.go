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

// Whatever a readOptions does is an outcome.
func TestDecode(t *testing.T) {
	opts := &options.Options{Debug: true}
	for _, test := range []struct {
		name  string
		read  func(io.Reader) (*options.Options, error)
		want  contract.Kind
		panic string
	}{
		{"options", func(io.Reader) (*options.Options, error) { return opts, nil }, contract.Options, ""},
		{"none", func(io.Reader) (*options.Options, error) { return nil, nil }, contract.None, ""},
		{"an error", func(io.Reader) (*options.Options, error) { return nil, errors.New("no") }, contract.Error, ""},
		{"both", func(io.Reader) (*options.Options, error) { return opts, errors.New("no") }, contract.OptionsAndError,
			""},
		{"a panic", func(io.Reader) (*options.Options, error) { panic("boom") }, contract.Panic, "boom"},
		{"an error that panics when it is printed", func(io.Reader) (*options.Options, error) {
			return nil,
				badError{}
		}, contract.Panic, "an error that cannot be printed"},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := Decoder{Name: "test", Read: test.read}.Decode(strings.NewReader("x"), []byte("x"))
			if got.Kind != test.want || !strings.HasPrefix(got.Panic, test.panic) {
				t.Errorf("%v, %q; want %s, %q", got.Kind, got.Panic, test.want, test.panic)
			}
		})
	}
}

// The kind of an error is the decoder's to tell.
func TestClassify(t *testing.T) {
	d := Decoder{Name: "test", Read: func(io.Reader) (*options.Options, error) { return nil, io.ErrClosedPipe },
		Classify: func(err error) contract.Kind {
			if errors.Is(err, io.ErrClosedPipe) {
				return contract.Read
			}
			return contract.Error
		}}
	if got := d.Decode(nil, nil); got.Kind != contract.Read {
		t.Errorf("%v, want %s", got.Kind, contract.Read)
	}
}
