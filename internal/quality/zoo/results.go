package zoo

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"unsafe"

	"github.com/Microsoft/hcsshim/cmd/containerd-shim-runhcs-v1/options"
	"google.golang.org/protobuf/proto"
)

// results are bugs in what is handed back, and in what is kept for the next call.
var results = []Bug{
	{"value-with-error", "return opts, err at the end of everything.",
		where(failed, func(a *answer) { a.opts = new(options.Options) })},
	{"defaults-are-nil", "Options with nothing set were mistaken for no options.",
		where(func(a *answer) bool { return proto.Size(a.opts) == 0 }, func(a *answer) { a.opts = nil })},
	{"error-says-nothing", "errors.New of a message that was to be filled in.",
		where(failed, func(a *answer) { a.opts, a.err = nil, errors.New("") })},
	{"must", "The shim cannot start without options, so it can as well panic.",
		where(failed, func(a *answer) { panic(a.err) })},
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
	{"result-shared", "A cache by payload hands out the same message to all.",
		cached(func(o *options.Options) *options.Options { return o })},
	{"result-copied-flat", "The cache copies, but the annotations are still the same map.",
		cached(func(o *options.Options) *options.Options {
			c := proto.Clone(o).(*options.Options)
			c.DefaultContainerAnnotations = o.DefaultContainerAnnotations
			return c
		})},
	{"result-reused", "One Options for the whole process, to allocate less.",
		kept(func(result *options.Options, _ []byte, opts *options.Options) *options.Options {
			proto.Reset(result)
			proto.Merge(result, opts)
			return result
		})},
	{"result-not-reset", "The same with Merge, and a copy: what an earlier call has set stays.",
		kept(func(result *options.Options, _ []byte, opts *options.Options) *options.Options {
			proto.Merge(result, opts)
			return proto.Clone(result).(*options.Options)
		})},
	{"scratch-shared", "One buffer for the whole process, and strings that point into it.",
		kept(func(scratch *[]byte, b []byte, opts *options.Options) *options.Options {
			*scratch = append((*scratch)[:0], b...)
			pointInto(*scratch, opts)
			return opts
		})},
	{"input-aliased", "A bytes.Buffer's own bytes, and strings made of them without a copy.", buffered(pointInto)},
	{"input-decrypted-in-place", "A secret was wiped from the buffer that it was read from.",
		buffered(func(b []byte, _ *options.Options) { clear(b) })},
	{"every-thousandth-lost", "A counter that overflows, a finalizer, a race: something rare.",
		func(next Read) Read {
			var n atomic.Int64
			return func(r io.Reader) (*options.Options, error) {
				if n.Add(1)%1000 == 0 {
					return nil, nil
				}
				return next(r)
			}
		}},
}

// kept is a bug of something that is kept from one call to the next: answerWith gets
// it, with a payload and its options, and returns what is handed out.
func kept[T any](answerWith func(keep *T, b []byte, opts *options.Options) *options.Options) func(Read) Read {
	return func(next Read) Read {
		var mu sync.Mutex
		var keep T
		return answers(func(a *answer) {
			if a.err == nil && a.opts != nil {
				mu.Lock()
				defer mu.Unlock()
				a.opts = answerWith(&keep, a.payload, a.opts)
			}
		})(next)
	}
}

// cached is a bug of a cache by payload.
func cached(share func(*options.Options) *options.Options) func(Read) Read {
	return kept(func(cache *map[string]*options.Options, b []byte, opts *options.Options) *options.Options {
		if *cache == nil {
			*cache = make(map[string]*options.Options)
		}
		if len(b) > 1<<16 {
			return opts
		}
		if (*cache)[string(b)] == nil {
			(*cache)[string(b)] = opts
		}
		return share((*cache)[string(b)])
	})
}

// buffered is a bug in the use of a bytes.Buffer's own bytes.
func buffered(use func(b []byte, opts *options.Options)) func(Read) Read {
	return func(next Read) Read {
		return func(r io.Reader) (*options.Options, error) {
			buf, ok := r.(*bytes.Buffer)
			if !ok {
				return next(r)
			}
			opts, err := next(bytes.NewReader(buf.Bytes()))
			use(buf.Bytes(), opts)
			return opts, err
		}
	}
}

// pointInto makes strings of options share the memory of b, where they stand.
func pointInto(b []byte, opts *options.Options) {
	eachString(opts, func(s string) string {
		at := strings.Index(string(b), s)
		if at < 0 {
			return s
		}
		return unsafe.String(&b[at], len(s))
	})
}
