// Package handwritten holds bugs that people write into a readOptions. Each is wrapped
// around a decoder that does not have it, so every one can be put into any
// hcsshim and into the reference, and the suite has to kill them all.
package handwritten

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"testing/iotest"

	"github.com/Microsoft/hcsshim/cmd/containerd-shim-runhcs-v1/options"
	bootstrap "github.com/containerd/containerd/api/runtime/bootstrap/v1"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"shimfuzz/internal/contract"
	"shimfuzz/internal/stdin"
	"shimfuzz/internal/wire"
)

// Read is a readOptions.
type Read = func(io.Reader) (*options.Options, error)

// Bug is one that somebody could have written.
type Bug struct {
	Name string
	Why  string // somebody would write it
	Wrap func(Read) Read
}

// Bugs are all of them.
var Bugs = slices.Concat(reading, families, identifiers, typeURLs, extensions, encodings, wireTypes, utf8Checks,
	values, order, mangled, limits, ambientFields, results, costs)

// Inject returns the decoder with the named bug in it; without a name the
// decoder as it is. It panics if there is no such bug.
func Inject(name string, next Read) Read {
	if name == "" {
		return next
	}
	for _, b := range slices.Concat(Bugs, creates) {
		if b.Name == name {
			return b.Wrap(next)
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
func reader(read func(io.Reader) ([]byte, error)) func(Read) Read {
	return func(next Read) Read {
		return func(r io.Reader) (*options.Options, error) {
			b, err := read(r)
			return decode(next, b, err)
		}
	}
}

// payloads is a bug that has the effect of other bytes.
func payloads(change func([]byte) []byte) func(Read) Read {
	return reader(func(r io.Reader) ([]byte, error) {
		b, err := io.ReadAll(r)
		if err == nil {
			b = change(b)
		}
		return b, err
	})
}

// answer is the right answer to a payload.
type answer struct {
	payload []byte
	opts    *options.Options
	err     error
}

// isParams reports whether the payload is BootstrapParams.
func (a *answer) isParams() bool { return isParams(a.payload) }

// url is the type URL of the payload if it is read as an Any.
func (a *answer) url() string { return string(lastBody(a.payload, 1)) }

// The wrong answers that many bugs give.
func giveDefaults(a *answer) { a.opts, a.err = nil, nil }
func giveEmpty(a *answer)    { a.opts, a.err = new(options.Options), nil }
func refuse(a *answer)       { a.opts, a.err = nil, errors.New("refused") }

// answers is a bug in what is made of the right answer.
func answers(change func(*answer)) func(Read) Read {
	return func(next Read) Read {
		return func(r io.Reader) (*options.Options, error) {
			b, err := io.ReadAll(r)
			if err != nil {
				return decode(next, b, err)
			}
			opts, err := decode(next, b, nil)
			a := answer{b, opts, err}
			change(&a)
			return a.opts, a.err
		}
	}
}

// where is a bug that changes some of the right answers.
func where(applies func(*answer) bool, change func(*answer)) func(Read) Read {
	return answers(func(a *answer) {
		if applies(a) {
			change(a)
		}
	})
}

// fields is a bug in the options that are returned.
func fields(change func(*options.Options)) func(Read) Read {
	return where(func(a *answer) bool { return a.opts != nil && a.err == nil }, func(a *answer) { change(a.opts) })
}

// refused is a bug that makes an error of good input.
func refused(bad func(*answer) bool) func(Read) Read {
	return where(func(a *answer) bool { return a.err == nil && bad(a) }, refuse)
}

// params is a bug in how BootstrapParams are read. Other payloads, and those
// that are damaged, do not meet it.
func params(change func(*bootstrap.BootstrapParams)) func(Read) Read {
	return payloads(func(b []byte) []byte {
		p := paramsOf(b)
		if p == nil {
			return b
		}
		change(p)
		return encoded(p)
	})
}

// paramsOf decodes BootstrapParams, and returns nil for other payloads and for
// those that are damaged.
func paramsOf(b []byte) *bootstrap.BootstrapParams {
	p := new(bootstrap.BootstrapParams)
	if !isParams(b) || proto.Unmarshal(b, p) != nil {
		return nil
	}
	return p
}

// urls is a bug in how type URLs are compared: see makes of one what the right
// comparison would have to see.
func urls(see func(string) string) func(Read) Read {
	ofParams := params(func(p *bootstrap.BootstrapParams) {
		for _, e := range p.Extensions {
			if e.GetValue() != nil {
				e.Value.TypeUrl = see(e.Value.TypeUrl)
			}
		}
	})
	ofAny := payloads(func(b []byte) []byte {
		if isParams(b) {
			return b
		}
		return eachField(b, func(f wire.Field) []byte {
			if f.Num == 1 && f.Type == protowire.BytesType {
				return wire.Message{wire.String(1, see(string(f.Value)))}.Encode()
			}
			return f.Raw
		})
	})
	return func(next Read) Read { return ofParams(ofAny(next)) }
}

func encoded(m proto.Message) []byte {
	b, err := proto.Marshal(m)
	if err != nil {
		panic(err) // it has just been decoded
	}
	return b
}

// namesOptions reports whether a type URL is that of Options.
func namesOptions(url string) bool {
	return stdin.TypeName(url) == contract.OptionsName
}

// eachString visits the non-empty strings of options, as hcsshim of any version
// has them, and stores what change returns.
func eachString(opts *options.Options, change func(string) string) {
	m := opts.ProtoReflect()
	for fd, v := range m.Range {
		if fd.Kind() == protoreflect.StringKind {
			m.Set(fd, protoreflect.ValueOfString(change(v.String())))
		}
	}
}
