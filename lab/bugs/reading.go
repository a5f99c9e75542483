package bugs

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"

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
	{"empty-read-is-end", "TestWalkReads", "A read of nothing was mistaken for the end, as in C.",
		reads(func(n int, err error) (int, error) {
			if n == 0 && err == nil {
				err = io.EOF
			}
			return n, err
		})},
	{"bytes-with-eof-lost", "TestWalkReads", "A Read that returns an error was taken to return nothing else.",
		reads(func(n int, err error) (int, error) {
			if err != nil {
				n = 0
			}
			return n, err
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
			b, err := io.ReadAll(r)
			if err != nil {
				return io.ReadAll(io.MultiReader(bytes.NewReader(b), r))
			}
			return b, nil
		})},
	{"error-not-wrapped", "TestWalkReads", "%v for %w.",
		reads(func(n int, err error) (int, error) {
			if err != nil && err != io.EOF {
				err = fmt.Errorf("reading: %v", err)
			}
			return n, err
		})},
	{"cut-at-32-mib", "TestLarge", "The limit that is allowed; what follows it was silently dropped.",
		reader(func(r io.Reader) ([]byte, error) { return io.ReadAll(io.LimitReader(r, contract.MaxPayload)) })},
	{"last-of-65536-bytes-lost", "TestWalkSizes", "A buffer that is just full.",
		payloads(func(b []byte) []byte {
			if len(b) == 65536 {
				b = b[:65535]
			}
			return b
		})},
	{"newline-trimmed", "TestCorpus", "Somebody fed a file with a newline at its end by hand.",
		payloads(func(b []byte) []byte { return bytes.TrimSuffix(b, []byte("\n")) })},
	{"length-prefix-accepted", "TestCorpus", "Delimited messages are common, so both forms were to work.",
		payloads(func(b []byte) []byte {
			if body, n := protowire.ConsumeBytes(b); n > 0 && n == len(b) {
				b = body
			}
			return b
		})},
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
func reads(change func(int, error) (int, error)) bug {
	return func(next Read, r io.Reader) (*options.Options, error) {
		return next(readFunc(func(p []byte) (int, error) { return change(r.Read(p)) }))
	}
}
