package bugs

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"unsafe"

	"github.com/Microsoft/hcsshim/cmd/containerd-shim-runhcs-v1/options"
	"google.golang.org/protobuf/encoding/protowire"

	"shimfuzz/internal/contract"
	"shimfuzz/internal/wire"
)

// reading are bugs on the way from the reader to the bytes.
var reading = []Mutant{
	{"one-read", "TestWalkReads", "A pipe delivered everything at once in every try.",
		reader(func(r io.Reader) ([]byte, error) {
			b := make([]byte, 1<<16)
			n, err := r.Read(b)
			if err == io.EOF {
				err = nil
			}
			return b[:n], err
		})},
	{"empty-read-is-end", "TestWalkReads", "A read of nothing was mistaken for the end, as in C.", emptyReads(1)},
	{"fifty-empty-reads-are-end", "TestEmptyReads", "Nothing came so often that no more was expected.", emptyReads(50)},
	{"bytes-with-eof-lost", "TestWalkReads", "A Read that returns an error was taken to return nothing else.",
		reads(func(n *int, err *error) {
			if *err != nil {
				*n = 0
			}
		})},
	{"wrapped-eof-is-end", "TestWalkReads", "errors.Is is what one uses for errors; io.EOF is the exception.",
		endsAt(func(_ []byte, err error) bool { return errors.Is(err, io.EOF) })},
	{"deadline-at-start-is-empty", "TestWalkReads", "No input within a second was taken for no input.",
		endsAt(func(b []byte, err error) bool { return len(b) == 0 && errors.Is(err, os.ErrDeadlineExceeded) })},
	{"error-behind-whole-message-ignored", "TestWalkReads", "The message is whole, so the error came after it.",
		endsAt(func(b []byte, _ error) bool {
			_, rest := wire.Parse(b)
			return len(b) > 0 && len(rest) == 0
		})},
	{"read-on-after-error", "TestWalkReads", "A retry, for reads that were interrupted.",
		reader(func(r io.Reader) ([]byte, error) {
			before, _ := io.ReadAll(r)
			after, err := io.ReadAll(r)
			return append(before, after...), err
		})},
	{"error-not-wrapped", "TestWalkReads", "%v for %w.",
		reads(func(n *int, err *error) {
			if *err != nil && *err != io.EOF {
				*err = fmt.Errorf("reading: %v", *err)
			}
		})},
	{"cut-at-32-mib", "TestLarge", "The limit that is allowed; what follows it was silently dropped.",
		payloads(func(b []byte) []byte { return b[:min(len(b), contract.MaxPayload)] })},
	{"65536-bytes-refused", "TestWalkSizes", "A buffer that is just full.",
		where(func(a *answer) bool { return len(a.payload) == 1<<16 }, refuse)},
	{"newline-trimmed", "TestCorpus", "Somebody fed a file with a newline at its end by hand.",
		payloads(func(b []byte) []byte { return bytes.TrimSuffix(b, []byte("\n")) })},
}

// endsAt is a bug in which errors are taken for the end of the input.
func endsAt(isEnd func(read []byte, err error) bool) bug {
	return reader(func(r io.Reader) ([]byte, error) {
		b, err := io.ReadAll(r)
		if err != nil && isEnd(b, err) {
			err = nil
		}
		return b, err
	})
}

type readFunc func([]byte) (int, error)

func (f readFunc) Read(p []byte) (int, error) { return f(p) }

// reads is a bug in what is made of what each Read returns.
func reads(change func(n *int, err *error)) bug {
	return func(next Read, r io.Reader) (*options.Options, error) {
		return next(readFunc(func(p []byte) (n int, err error) {
			n, err = r.Read(p)
			change(&n, &err)
			return n, err
		}))
	}
}

// emptyReads is a bug that takes so many reads of nothing in a row for the end.
func emptyReads(most int) bug {
	return func(next Read, r io.Reader) (*options.Options, error) {
		row := 0
		return reads(func(n *int, err *error) {
			if row++; *n > 0 {
				row = 0
			}
			if row == most && *err == nil {
				*err = io.EOF
			}
		})(next, r)
	}
}

// results are bugs in what is handed back, and in what is kept for the next call.
var results = []Mutant{
	{"value-with-error", "TestCorpus", "return opts, err at the end of everything.",
		where(failed, func(a *answer) { a.opts = new(options.Options) })},
	{"error-says-nothing", "TestCorpus", "errors.New of a message that was to be filled in.",
		where(failed, func(a *answer) { a.opts, a.err = nil, errors.New("") })},
	{"one-byte-panics", "TestCorpus", "b[1] after a check that b is not empty.",
		where(func(a *answer) bool { return len(a.payload) > 0 }, func(a *answer) { _ = a.payload[1] })},
	{"result-copied-flat", "TestNoSharedState", "A cache copies the result, but not its annotations.",
		remembering(func(last, a *answer) {
			if bytes.Equal(last.payload, a.payload) {
				a.opts.DefaultContainerAnnotations = last.opts.DefaultContainerAnnotations
			}
		})},
	{"same-payload-twice-is-none", "TestWalkPairs", "Options that were sent again were taken for no change.",
		remembering(func(last, a *answer) {
			if bytes.Equal(last.payload, a.payload) {
				a.opts = nil
			}
		})},
	{"input-aliased", "TestNoAliasing", "A bytes.Buffer's own bytes, and strings made of them without a copy.",
		buffered(func(b []byte, opts *options.Options) {
			root := opts.GetRegistryRoot()
			if at := strings.Index(string(b), root); at >= 0 && root != "" {
				opts.RegistryRoot = unsafe.String(&b[at], len(root))
			}
		})},
	{"input-cleared", "TestNoAliasing", "A secret was wiped from the buffer that it was read from.",
		buffered(func(b []byte, _ *options.Options) { clear(b) })},
}

// remembering is a bug of options that are kept until the next ones.
func remembering(change func(last, a *answer)) bug {
	var mu sync.Mutex
	var last answer
	return where(hasOptions, func(a *answer) {
		mu.Lock()
		defer mu.Unlock()
		change(&last, a)
		last = *a
	})
}

// buffered is a bug in the use of a bytes.Buffer's own bytes.
func buffered(use func(b []byte, opts *options.Options)) bug {
	return func(next Read, r io.Reader) (*options.Options, error) {
		buf, ok := r.(*bytes.Buffer)
		if !ok {
			return next(r)
		}
		opts, err := next(bytes.NewReader(buf.Bytes()))
		use(buf.Bytes(), opts)
		return opts, err
	}
}

// costs are bugs that give the right answer, but late.
var costs = []Mutant{
	{"annotations-searched", "TestLinear", "A list of pairs instead of a map, searched for each key: quadratic.",
		where(hasOptions, func(a *answer) {
			var keys []string
			for k := range a.opts.DefaultContainerAnnotations {
				if !slices.Contains(keys, k) {
					keys = append(keys, k)
				}
			}
		})},
	{"length-trusted", "TestSmallIsCheap", "A buffer as large as the message's first field says it is.",
		payloads(func(b []byte) []byte {
			if _, typ, n := protowire.ConsumeTag(b); typ == protowire.BytesType && n > 0 {
				size, _ := protowire.ConsumeVarint(b[n:])
				runtime.KeepAlive(make([]byte, min(size, 1<<31))) // the bug has no limit; the machine has
			}
			return b
		})},
	{"empty-field-hangs", "TestCorpus", "at += len(value), without the tag's length: for ever at a field of nothing.",
		payloads(func(b []byte) []byte {
			all, rest := wire.Parse(b)
			for len(rest) == 0 && slices.ContainsFunc(all, func(f wire.Field) bool { return len(f.Value) == 0 }) {
			}
			return b
		})},
}
