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

// Every bug has a name of its own and says why somebody would write it.
func TestBugs(t *testing.T) {
	seen := make(map[string]bool)
	for _, b := range slices.Concat(Bugs, creates) {
		if b.Name == "" || seen[b.Name] || strings.ToLower(b.Name) != b.Name || strings.Contains(b.Name, " ") {
			t.Errorf("%q is no name, or is there twice", b.Name)
		}
		seen[b.Name] = true
		if !strings.HasSuffix(b.Why, ".") {
			t.Errorf("%s: %q is no sentence", b.Name, b.Why)
		}
	}
	for _, name := range ofStdin {
		if !seen[name] {
			t.Errorf("there is no bug %s", name)
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

// A decoder without a bug is the decoder itself, and a bug that is not there is
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
			t.Error("an unknown bug is no error")
		}
	}()
	Inject("no-such-bug", next)
}
