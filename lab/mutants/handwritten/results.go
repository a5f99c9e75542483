package handwritten

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
		every(1000, giveDefaults)},
	{"every-thousandth-refused", "A limit on how often the shim may be started, in a counter that starts again.",
		every(1000, refuse)},
	{"every-997th-refused", "The same with a prime, which no loop of the tests is a multiple of.", every(997, refuse)},
	{"result-reused-after-error",
		"An error gives the memory of the options back to a pool, and it was that of the last result.",
		remembering(func(s *struct {
			last *options.Options
			free bool
		}, a *answer) {
			switch {
			case a.err != nil:
				s.free = true
				return
			case a.opts == nil:
				return
			case s.free && s.last != nil:
				proto.Reset(s.last)
				proto.Merge(s.last, a.opts)
				a.opts = s.last
			}
			s.last, s.free = a.opts, false
		})},
	{"none-after-error", "A flag for the error in the decoder, which the next call finds.",
		remembering(func(failed *bool, a *answer) {
			if *failed && a.err == nil {
				giveDefaults(a)
			}
			*failed = a.err != nil
		})},
	{"error-after-error", "The error is kept in the decoder, and checked before it is cleared.",
		remembering(func(failed *bool, a *answer) {
			was := *failed
			if *failed = a.err != nil; was && a.err == nil {
				refuse(a)
			}
		})},
	{"same-payload-twice-is-none", "Options that were sent again were taken for no change.",
		remembering(func(last *[]byte, a *answer) {
			if a.opts != nil && bytes.Equal(*last, a.payload) {
				giveDefaults(a)
			}
			*last = a.payload
		})},
}

// every is a bug that changes one answer in so many.
func every(n int64, change func(*answer)) func(Read) Read {
	return func(next Read) Read {
		var calls atomic.Int64
		return func(r io.Reader) (*options.Options, error) {
			if calls.Add(1)%n == 0 {
				var a answer
				change(&a)
				return a.opts, a.err
			}
			return next(r)
		}
	}
}

// remembering is a bug of something that is kept from one call to the next.
func remembering[T any](change func(keep *T, a *answer)) func(Read) Read {
	return func(next Read) Read {
		var mu sync.Mutex
		var keep T
		return answers(func(a *answer) {
			mu.Lock()
			defer mu.Unlock()
			change(&keep, a)
		})(next)
	}
}

// kept is a bug of something that is kept for the next options: answerWith gets it,
// with a payload and its options, and returns what is handed out.
func kept[T any](answerWith func(keep *T, b []byte, opts *options.Options) *options.Options) func(Read) Read {
	return remembering(func(keep *T, a *answer) {
		if a.err == nil && a.opts != nil {
			a.opts = answerWith(keep, a.payload, a.opts)
		}
	})
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
