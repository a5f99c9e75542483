package handwritten

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/Microsoft/hcsshim/cmd/containerd-shim-runhcs-v1/options"
)

// Every mutant has a name of its own, and says why somebody would write it.
func TestRows(t *testing.T) {
	seen := make(map[string]bool)
	for _, m := range slices.Concat(OfStdin, creates) {
		if seen[m.Name] || strings.ToLower(m.Name) != m.Name || strings.Contains(m.Name, " ") {
			t.Errorf("%q is no name, or is there twice", m.Name)
		}
		seen[m.Name] = true
		if !strings.HasSuffix(m.Why, ".") || !strings.HasPrefix(m.Check, "Test") {
			t.Errorf("%s: want a test and a sentence: %q, %q", m.Name, m.Check, m.Why)
		}
	}
}

// Wrapping as such changes nothing: a decoder gets the bytes, and the reader's error.
func TestDecode(t *testing.T) {
	cause := errors.New("disk on fire")
	for _, err := range []error{nil, cause} {
		var got []byte
		var end error
		_, _ = decode(func(r io.Reader) (*options.Options, error) {
			got, end = io.ReadAll(r)
			return nil, nil
		}, []byte("abc"), err)
		if !bytes.Equal(got, []byte("abc")) || end != err {
			t.Errorf("with the error %v: got %q, %v", err, got, end)
		}
	}
}

// Without a name it is the decoder itself, and an unknown name is
// not mistaken for none.
func TestInject(t *testing.T) {
	called := false
	next := func(io.Reader) (*options.Options, error) { called = true; return nil, nil }
	_, _ = Inject("", next)(strings.NewReader(""))
	if !called {
		t.Error("without a bug the decoder is not called")
	}
	defer func() {
		if recover() == nil {
			t.Error("an unknown name is no error")
		}
	}()
	Inject("no-such-mutant", next)
}
