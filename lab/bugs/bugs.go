// Package bugs holds mutants that people write: bugs of a readOptions. Each is
// wrapped around a decoder that does not have it, so that it can be put into any hcsshim
// and into the reference.
package bugs

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"testing/iotest"

	"github.com/Microsoft/hcsshim/cmd/containerd-shim-runhcs-v1/options"
	bootstrap "github.com/containerd/containerd/api/runtime/bootstrap/v1"
	"google.golang.org/protobuf/proto"

	"shimfuzz/internal/contract"
	"shimfuzz/internal/stdin"
)

// Read is a readOptions.
type Read = func(io.Reader) (*options.Options, error)

// Mutant is a bug that somebody could have written.
type Mutant struct {
	Name  string
	Check string // the test of package properties that has to kill it: the first one that does, or the only one
	Why   string // somebody would write it
	bug   bug
}

// bug is what a decoder with the bug answers, where next is one without it.
type bug func(next Read, r io.Reader) (*options.Options, error)

// In returns the decoder with the bug in it.
func (m Mutant) In(next Read) Read {
	return func(r io.Reader) (*options.Options, error) { return m.bug(next, r) }
}

var (
	// OfStdin are those of a readOptions.
	OfStdin = slices.Concat(reading, kinds, extensions, ofAny)
	// OfCreate are those of what decodes CreateTaskRequest.Options: an Any that is
	// there as a whole.
	OfCreate = slices.Concat(ofAny, creates)

	ofAny = slices.Concat(typeURLs, encodings, groups, wireTypes, texts, values, results, costs)
)

// Inject returns the decoder with the named bug in it; without a name the decoder as it
// is. It panics if there is no such bug.
func Inject(name string, next Read) Read {
	if name == "" {
		return next
	}
	for _, m := range slices.Concat(OfStdin, creates) {
		if m.Name == name {
			return m.In(next)
		}
	}
	panic(fmt.Sprintf("there is no hand-written mutant %q", name))
}

// decode gives the decoder the bytes, and then the error that reading them ended with.
func decode(next Read, b []byte, err error) (*options.Options, error) {
	if err != nil {
		return next(io.MultiReader(bytes.NewReader(b), iotest.ErrReader(err)))
	}
	return next(bytes.NewReader(b))
}

// reader is a bug in how the input is read.
func reader(read func(io.Reader) ([]byte, error)) bug {
	return func(next Read, r io.Reader) (*options.Options, error) {
		b, err := read(r)
		return decode(next, b, err)
	}
}

// payloads is a bug that has the effect of other bytes.
func payloads(change func([]byte) []byte) bug {
	return reader(func(r io.Reader) ([]byte, error) {
		b, err := io.ReadAll(r)
		if err == nil {
			b = change(b)
		}
		return b, err
	})
}

// params is a bug in how BootstrapParams are read that are not damaged.
func params(change func(*bootstrap.BootstrapParams)) bug {
	return payloads(func(b []byte) []byte {
		if p := paramsOf(b); p != nil {
			change(p)
			b, _ = proto.Marshal(p) // which has just been decoded
		}
		return b
	})
}

// paramsOf decodes BootstrapParams. It is nil for others, and for those that are damaged.
func paramsOf(b []byte) *bootstrap.BootstrapParams {
	p := new(bootstrap.BootstrapParams)
	if !stdin.IsBootstrap(b) || proto.Unmarshal(b, p) != nil {
		return nil
	}
	return p
}

// answer is the right answer to a payload.
type answer struct {
	payload []byte
	opts    *options.Options
	err     error
}

func failed(a *answer) bool     { return a.err != nil }
func hasOptions(a *answer) bool { return a.opts != nil && a.err == nil }

// The wrong answers that many bugs give.
func giveDefaults(a *answer) { a.opts, a.err = nil, nil }
func refuse(a *answer)       { a.opts, a.err = nil, errors.New("refused") }

// giveDecoded makes an answer of bytes, if they are Options.
func (a *answer) giveDecoded(b []byte, unmarshal func([]byte, proto.Message) error) {
	if own := new(options.Options); unmarshal(b, own) == nil {
		a.opts, a.err = own, nil
	}
}

// where is a bug that changes some of the right answers.
func where(applies func(*answer) bool, change func(*answer)) bug {
	return func(next Read, r io.Reader) (*options.Options, error) {
		b, readErr := io.ReadAll(r)
		opts, err := decode(next, b, readErr)
		a := answer{b, opts, err}
		if readErr == nil && applies(&a) {
			change(&a)
		}
		return a.opts, a.err
	}
}

// namesOptions reports whether a type URL is that of Options.
func namesOptions(url string) bool { return stdin.TypeName(url) == contract.OptionsName }
