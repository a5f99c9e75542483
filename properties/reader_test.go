package properties

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
	"testing/iotest"

	"pgregory.net/rapid"

	"shimfuzz/internal/contract"
	"shimfuzz/internal/decoder"
	"shimfuzz/internal/grammar"
	"shimfuzz/internal/stdin"
	"shimfuzz/internal/verify"
)

// The same bytes in any pieces: one at a time, with empty reads between, the
// last ones together with EOF.
func TestChunking(t *testing.T) {
	scripts := rapid.SliceOfN(rapid.Byte(), 1, 20)
	each(t, verify.DecodersOf(contract.Stdin), func(rt *rapid.T, d decoder.Decoder) {
		p := anyValid.Draw(rt, "payload")
		r := decoder.Scripted(p.Bytes, scripts.Draw(rt, "script"))
		verify.Run(rt, d, verify.Check{Guarantee: contract.ReaderFaults, Payload: p, Reader: r})
	})
}

// The readers of the standard library that a shim could be handed.
func TestStandardReaders(t *testing.T) {
	readers := map[string]func([]byte) io.Reader{
		"bytes.Buffer":   func(b []byte) io.Reader { return bytes.NewBuffer(bytes.Clone(b)) },
		"strings.Reader": func(b []byte) io.Reader { return strings.NewReader(string(b)) },
		"pipe":           pipe,
	}
	for name, open := range readers {
		t.Run(name, func(t *testing.T) {
			for _, d := range verify.DecodersOf(contract.Stdin) {
				for _, c := range load(t) {
					verify.Run(t, d, verify.Check{Guarantee: contract.ReaderFaults, Payload: c.Payload,
						Reader: open(c.Payload.Bytes)})
				}
			}
		})
	}
}

// pipe delivers b the way a shim gets it: from another goroutine, in pieces. The struct
// hides the WriteTo that would copy all at once.
func pipe(b []byte) io.Reader {
	r, w := io.Pipe()
	go func() {
		_, err := io.CopyBuffer(w, struct{ io.Reader }{bytes.NewReader(b)}, make([]byte, 7))
		w.CloseWithError(err)
	}()
	return r
}

// plain are two payloads as containerd sends them, an Any and then BootstrapParams, with every
// field that Options have in released versions. One that only a checkout has is not set.
func plain(t *testing.T) (list []grammar.Payload) {
	t.Helper()
	for _, c := range load(t) {
		if c.Class == "recorded-all" {
			list = append(list, c.Payload)
		}
	}
	if len(list) != 2 || stdin.IsBootstrap(list[0].Bytes) || !stdin.IsBootstrap(list[1].Bytes) {
		t.Fatalf("the class recorded-all has %d cases, want an Any and then BootstrapParams: %#v", len(list), list)
	}
	return list
}

var (
	errDisk    = errors.New("disk failure")
	errLikeEOF = fmt.Errorf("pipe broken at %w", io.EOF) // only io.EOF itself is the end

	// readErrors are errors that a reader fails with, some of which resemble an end.
	readErrors = []error{errDisk, errLikeEOF, io.ErrUnexpectedEOF, io.ErrClosedPipe, os.ErrClosed,
		os.ErrDeadlineExceeded, iotest.ErrTimeout, net.ErrClosed, syscall.EPIPE}
)

// A reader that fails is that error, wherever it fails: at once, in the middle,
// after the last byte, or together with bytes. What was read before is not
// decoded, however complete it is, and reading on is no remedy.
func TestReaderFails(t *testing.T) {
	scripts := rapid.SliceOfN(rapid.Byte(), 1, 20)
	each(t, verify.DecodersOf(contract.Stdin), func(rt *rapid.T, d decoder.Decoder) {
		p := anyValid.Draw(rt, "payload")
		at := rapid.IntRange(0, len(p.Bytes)).Draw(rt, "fails at")
		cause := rapid.SampledFrom(readErrors).Draw(rt, "cause")
		r := decoder.Failing(p.Bytes, at, scripts.Draw(rt, "script"), cause)
		p.Want = contract.Outcome{Kind: contract.Read, Err: cause}
		verify.Run(rt, d, verify.Check{Guarantee: contract.ReaderFaults, Payload: p, Reader: r})
	})
}
