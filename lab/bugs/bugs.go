// Package bugs has what is wrong with decoders: bugs that people write, and known defects of
// protobuf engines. Most are declared by the payload that a decoder with the bug takes another one for.
package bugs

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"testing/iotest"

	"github.com/Microsoft/hcsshim/cmd/containerd-shim-runhcs-v1/options"
	"google.golang.org/protobuf/reflect/protoreflect"

	"shimfuzz/internal/contract"
	"shimfuzz/internal/stdin"
)

// Read is a readOptions.
type Read = func(io.Reader) (*options.Options, error)

// Mutant is a bug that somebody could have written. It is wrapped around a decoder that does
// not have it, so that it can be put into any hcsshim, and into the reference.
type Mutant struct {
	Name  string
	Check string // the test of package properties that has to kill it, whether or not others do
	Why   string // somebody would write it
	bug   bug
}

// bug is what a decoder with the bug answers, where next is one without it.
type bug func(next Read, r io.Reader) (*options.Options, error)

// row is a bug in a list of which one test kills all.
type row struct {
	name, why string
	bug       bug
}

// killedBy are bugs that one test has to kill.
func killedBy(check string, rows []row) (all []Mutant) {
	for _, r := range rows {
		all = append(all, Mutant{r.name, check, r.why, r.bug})
	}
	return all
}

// In returns the decoder with the bug in it.
func (m Mutant) In(next Read) Read {
	return func(r io.Reader) (*options.Options, error) { return m.bug(next, r) }
}

var (
	// OfStdin are those of a readOptions.
	OfStdin = slices.Concat(reading, kinds, inExtensions, words, OfCreate)
	// OfCreate are those of what decodes CreateTaskRequest.Options: an Any that is
	// there as a whole.
	OfCreate = slices.Concat(typeURLs, encodings, texts, across, values, results, costs)
)

// Inject returns the decoder with the named bug in it; without a name the decoder as it is.
func Inject(name string, next Read) Read {
	for _, m := range OfStdin {
		if m.Name == name {
			return m.In(next)
		}
	}
	return next
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

// bug is one that has the effect of misreading payloads.
func (r misreading) bug() bug {
	return payloads(func(b []byte) []byte {
		if stdin.IsBootstrap(b) {
			return r.payload(paramsType, b)
		}
		return r.payload(anyType, b)
	})
}

// tags is a bug in what tokens are taken for, by their tags.
func tags(is func(*token) bool, change func(*token)) bug {
	return misreading{tag: func(t *token) {
		if is(t) {
			change(t)
		}
	}}.bug()
}

// on is a bug that has the effect of other tokens in messages of a type; nil is all types.
func on(md protoreflect.MessageDescriptor, is func(*token) bool, change func(*token)) bug {
	return misreading{message: func(m *message) {
		for _, t := range m.tokens {
			if (md == nil || m.md == md) && is(t) {
				change(t)
			}
		}
	}}.bug()
}

// answer is the right answer to a payload.
type answer struct {
	payload []byte
	opts    *options.Options
	err     error
}

func failed(a *answer) bool     { return a.err != nil }
func hasOptions(a *answer) bool { return a.opts != nil && a.err == nil }

// refuse is the wrong answer that many bugs give.
func refuse(a *answer) { a.opts, a.err = nil, errors.New("refused") }

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
