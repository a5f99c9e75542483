package handwritten

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"

	"google.golang.org/protobuf/encoding/protowire"

	"shimfuzz/internal/contract"
)

// reading are bugs on the way from the reader to the bytes.
var reading = []Bug{
	{"one-read", "A pipe delivered everything at once in every try.",
		reader(func(r io.Reader) ([]byte, error) {
			b := make([]byte, 1<<16)
			n, err := r.Read(b)
			return b[:n], ifNotEOF(err)
		})},
	{"cut-at-1-mib", "A limit on the shim's memory; what follows it was silently dropped.",
		reader(func(r io.Reader) ([]byte, error) { return io.ReadAll(io.LimitReader(r, 1<<20)) })},
	{"cut-at-32-mib", "The limit that is allowed; what follows it was silently dropped.",
		reader(func(r io.Reader) ([]byte, error) { return io.ReadAll(io.LimitReader(r, contract.MaxPayload)) })},
	{"refused-above-16-mib", "containerd's own messages are limited to that, so it seemed safe.",
		refused(func(a *answer) bool { return len(a.payload) > 16<<20 })},
	{"first-line", "The protocol was once thought to be one line of text.",
		reader(func(r io.Reader) ([]byte, error) {
			b, err := bufio.NewReader(r).ReadBytes('\n')
			return b, ifNotEOF(err)
		})},
	{"error-ignored", "What was read so far looked good enough.",
		readErrors(func(_ io.Reader, b []byte, _ error) ([]byte, error) { return b, nil })},
	{"error-is-empty", "No input means no options, and an error was mistaken for no input.",
		readErrors(func(io.Reader, []byte, error) ([]byte, error) { return nil, nil })},
	{"unexpected-eof-is-end", "io.ErrUnexpectedEOF looked like the way in which a pipe ends.",
		endsAt(func(_ int, err error) bool { return err == io.EOF || err == io.ErrUnexpectedEOF })},
	{"wrapped-eof-is-end", "errors.Is is what one uses for errors; io.EOF is the exception.",
		endsAt(func(_ int, err error) bool { return errors.Is(err, io.EOF) })},
	{"closed-is-end", "The parent closes the pipe when it is done.",
		endsAt(func(_ int, err error) bool { return err == io.EOF || err == io.ErrClosedPipe })},
	{"closed-file-is-end", "os.File's error for what io.Pipe calls a closed pipe.",
		endsAt(func(_ int, err error) bool { return err == io.EOF || errors.Is(err, os.ErrClosed) })},
	{"broken-pipe-is-end", "A write to a pipe fails with it when the other side is gone, so a read was to end with it.",
		endsAt(func(_ int, err error) bool { return err == io.EOF || errors.Is(err, syscall.EPIPE) })},
	{"deadline-is-end", "A deadline, so that a containerd that does not close the pipe cannot stop the shim.",
		endsAt(func(_ int, err error) bool { return err == io.EOF || errors.Is(err, os.ErrDeadlineExceeded) })},
	{"unexpected-eof-at-start-is-empty",
		"io.ReadFull says so when there is less than was asked for; nothing is io.EOF.",
		emptyAt(func(err error) bool { return errors.Is(err, io.ErrUnexpectedEOF) })},
	{"closed-at-start-is-empty", "An older containerd starts the shim without a standard input.",
		emptyAt(func(err error) bool { return errors.Is(err, os.ErrClosed) })},
	{"deadline-at-start-is-empty", "No input within a second was taken for no input.",
		emptyAt(func(err error) bool { return errors.Is(err, os.ErrDeadlineExceeded) })},
	{"timeout-at-start-is-empty", "The same for any error that says that it is a timeout, as those of package net do.",
		emptyAt(func(err error) bool {
			var timeout interface{ Timeout() bool }
			return errors.As(err, &timeout) && timeout.Timeout()
		})},
	{"error-after-whole-message-ignored", "What was read is a whole message, so the error came after it.",
		readErrors(func(_ io.Reader, b []byte, err error) ([]byte, error) {
			if len(b) > 0 && isWellFormed(b) {
				return b, nil
			}
			return b, err
		})},
	{"bytes-with-eof-lost", "A Read that returns an error was taken to return nothing else.",
		reader(func(r io.Reader) ([]byte, error) {
			var all []byte
			for b := make([]byte, 512); ; {
				n, err := r.Read(b)
				if err != nil {
					return all, ifNotEOF(err)
				}
				all = append(all, b[:n]...)
			}
		})},
	{"empty-read-is-end", "A read of nothing was mistaken for the end, as in C.",
		endsAt(func(n int, err error) bool { return n == 0 && err == nil || err == io.EOF })},
	{"read-on-after-error", "A retry, for reads that were interrupted.",
		readErrors(func(r io.Reader, b []byte, _ error) ([]byte, error) {
			more, again := io.ReadAll(r)
			return append(b, more...), again
		})},
	{"error-not-wrapped", "%v for %w.",
		readErrors(func(_ io.Reader, b []byte, err error) ([]byte, error) {
			return b,
				fmt.Errorf("reading: %v", err)
		})},
	{"whitespace-trimmed", "Somebody fed a file with a newline at its end by hand.", payloads(bytes.TrimSpace)},
	{"newline-trimmed", "The same, with more care: the newline only.",
		payloads(func(b []byte) []byte { return bytes.TrimSuffix(b, []byte("\n")) })},
	{"zeros-trimmed", "The buffer is larger than the message, so its zeros were cut off.",
		payloads(func(b []byte) []byte { return bytes.TrimRight(b, "\x00") })},
	{"up-to-zero", "C strings.",
		payloads(func(b []byte) []byte { before, _, _ := bytes.Cut(b, []byte{0}); return before })},
	{"utf8-repaired", "The payload was turned into a string that can be logged, and back.",
		payloads(func(b []byte) []byte { return bytes.ToValidUTF8(b, []byte("\uFFFD")) })},
	{"length-prefix-accepted", "Delimited messages are common, so both forms were to work.",
		payloads(func(b []byte) []byte {
			if v, n := protowire.ConsumeBytes(b); n == len(b) {
				return v
			}
			if len(b) > 1 {
				if size, n := protowire.ConsumeVarint(b); n > 0 && size == uint64(len(b)-n) {
					return b[n:]
				}
			}
			return b
		})},
}

func ifNotEOF(err error) error {
	if err == io.EOF {
		return nil
	}
	return err
}

// readErrors is a bug in what becomes of an error, and of the bytes before it.
func readErrors(change func(io.Reader, []byte, error) ([]byte, error)) func(Read) Read {
	return reader(func(r io.Reader) ([]byte, error) {
		b, err := io.ReadAll(r)
		if err != nil {
			return change(r, b, err)
		}
		return b, nil
	})
}

// emptyAt is a bug that takes an error before the first byte for no input.
func emptyAt(is func(error) bool) func(Read) Read {
	return readErrors(func(_ io.Reader, b []byte, err error) ([]byte, error) {
		if len(b) == 0 && is(err) {
			return nil, nil
		}
		return b, err
	})
}

// endsAt is a bug in what is taken for the end of the input.
func endsAt(isEnd func(n int, err error) bool) func(Read) Read {
	return reader(func(r io.Reader) ([]byte, error) {
		var all []byte
		for b := make([]byte, 512); ; {
			n, err := r.Read(b)
			all = append(all, b[:n]...)
			if isEnd(n, err) {
				return all, nil
			}
			if err != nil {
				return all, err
			}
		}
	})
}
