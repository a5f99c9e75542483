package zoo

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"sync"
	"unsafe"

	"github.com/Microsoft/hcsshim/cmd/containerd-shim-runhcs-v1/options"
	"google.golang.org/protobuf/proto"
)

// results are bugs in what is handed back, and in what is kept for the next call.
var results = []Bug{
	{"value-with-error", "return opts, err at the end of everything.",
		answers(func(_ []byte, opts *options.Options, err error) (*options.Options, error) {
			if err != nil {
				return new(options.Options), err
			}
			return opts, nil
		})},
	{"defaults-are-nil", "Options with nothing set were mistaken for no options.",
		answers(func(_ []byte, opts *options.Options, err error) (*options.Options, error) {
			if opts != nil && proto.Size(opts) == 0 {
				return nil, err
			}
			return opts, err
		})},
	{"error-says-nothing", "errors.New of a message that was to be filled in.",
		answers(func(_ []byte, opts *options.Options, err error) (*options.Options, error) {
			if err != nil {
				return nil, errors.New("")
			}
			return opts, nil
		})},
	{"must", "The shim cannot start without options, so it can as well panic.",
		answers(func(_ []byte, opts *options.Options, err error) (*options.Options, error) {
			if err != nil {
				panic(err)
			}
			return opts, nil
		})},
	{"one-byte-panics", "b[1] after a check that b is not empty.",
		payloads(func(b []byte) []byte {
			if len(b) > 0 {
				_ = b[1]
			}
			return b
		})},
	{"first-answer-kept", "stdin is read once, so sync.Once did it.",
		func(next Read) Read {
			var once sync.Once
			var opts *options.Options
			var err error
			return func(r io.Reader) (*options.Options, error) {
				once.Do(func() { opts, err = next(r) })
				return opts, err
			}
		}},
	{"result-shared", "A cache by payload hands out the same message to all.", cached(func(o *options.Options) *options.Options { return o })},
	{"result-copied-flat", "The cache copies, but the annotations are still the same map.",
		cached(func(o *options.Options) *options.Options {
			c := proto.Clone(o).(*options.Options)
			if fd := o.ProtoReflect().Descriptor().Fields().ByName("default_container_annotations"); fd != nil && o.ProtoReflect().Has(fd) {
				c.ProtoReflect().Set(fd, o.ProtoReflect().Get(fd))
			}
			return c
		})},
	{"result-reused", "One Options for the whole process, to allocate less.",
		func(next Read) Read {
			var mu sync.Mutex
			result := new(options.Options)
			return func(r io.Reader) (*options.Options, error) {
				opts, err := next(r)
				if err != nil || opts == nil {
					return opts, err
				}
				mu.Lock()
				defer mu.Unlock()
				proto.Reset(result)
				proto.Merge(result, opts)
				return result, nil
			}
		}},
	{"result-not-reset", "The same with Merge, and a copy: what an earlier call has set stays.",
		func(next Read) Read {
			var mu sync.Mutex
			result := new(options.Options)
			return func(r io.Reader) (*options.Options, error) {
				opts, err := next(r)
				if err != nil || opts == nil {
					return opts, err
				}
				mu.Lock()
				defer mu.Unlock()
				proto.Merge(result, opts)
				return proto.Clone(result).(*options.Options), nil
			}
		}},
	{"scratch-shared", "One buffer for the whole process, and strings that point into it.",
		func(next Read) Read {
			var mu sync.Mutex
			var scratch []byte
			return func(r io.Reader) (*options.Options, error) {
				b, err := io.ReadAll(r)
				opts, err := decode(next, b, err)
				if err != nil || opts == nil {
					return opts, err
				}
				mu.Lock()
				defer mu.Unlock()
				scratch = append(scratch[:0], b...)
				pointInto(opts, scratch)
				return opts, nil
			}
		}},
	{"input-aliased", "A bytes.Buffer's own bytes, and strings made of them without a copy.",
		func(next Read) Read {
			return func(r io.Reader) (*options.Options, error) {
				buf, ok := r.(*bytes.Buffer)
				if !ok {
					return next(r)
				}
				b := buf.Bytes()
				opts, err := next(bytes.NewReader(b))
				if err == nil && opts != nil {
					pointInto(opts, b)
				}
				return opts, err
			}
		}},
	{"input-decrypted-in-place", "A secret was wiped from the buffer that it was read from.",
		func(next Read) Read {
			return func(r io.Reader) (*options.Options, error) {
				buf, ok := r.(*bytes.Buffer)
				if !ok {
					return next(r)
				}
				b := buf.Bytes()
				opts, err := next(bytes.NewReader(b))
				clear(b)
				return opts, err
			}
		}},
	{"every-thousandth-lost", "A counter that overflows, a finalizer, a race: something rare.",
		func(next Read) Read {
			var mu sync.Mutex
			n := 0
			return func(r io.Reader) (*options.Options, error) {
				mu.Lock()
				n++
				lost := n%1000 == 0
				mu.Unlock()
				if lost {
					return nil, nil
				}
				return next(r)
			}
		}},
}

// cached is a bug of a cache by payload.
func cached(share func(*options.Options) *options.Options) func(Read) Read {
	return func(next Read) Read {
		var mu sync.Mutex
		byPayload := make(map[string]*options.Options)
		return func(r io.Reader) (*options.Options, error) {
			b, err := io.ReadAll(r)
			if err != nil || len(b) > 1<<16 {
				return decode(next, b, err)
			}
			mu.Lock()
			defer mu.Unlock()
			if opts := byPayload[string(b)]; opts != nil {
				return share(opts), nil
			}
			opts, err := decode(next, b, nil)
			if err != nil || opts == nil {
				return opts, err
			}
			byPayload[string(b)] = opts
			return share(opts), nil
		}
	}
}

// pointInto makes strings of options share the memory of b, where they stand.
func pointInto(opts *options.Options, b []byte) {
	eachString(opts, func(s string) string {
		at := strings.Index(string(b), s)
		if at < 0 {
			return s
		}
		return unsafe.String(&b[at], len(s))
	})
}
