// Package protocol is the reader's side of make -C lab conformance: the protocol of a
// process that is given payloads and answers what it decodes from each, as
// docs/conformance.md describes it. What the process writes to its standard error is shown
// if it ends before its input does.
//
// The package uses the standard library alone, because it is built into modules
// with old dependencies.
package protocol

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"os"
)

// The outcomes. An error may also be one of three kinds, see the package.
const (
	Options = "options"
	None    = "none"
	Error   = "error"
	Panic   = "panic"
	Unable  = "unable"
)

// MaxFrame is the length in bytes above which a frame is an error. Output that is
// text, not frames, is always above it: four letters or digits are a larger number.
const MaxFrame = 64 << 20

// Answer is a reader's answer to a payload.
type Answer struct {
	Outcome string
	Detail  []byte // encoded options, or a text
}

// Failed returns the answer error, with the text of err.
func Failed(err error) Answer { return Answer{Error, []byte(err.Error())} }

// Encoded returns the answer of encoded options, or error for one of encoding them.
func Encoded(options []byte, err error) Answer {
	if err != nil {
		return Failed(err)
	}
	return Answer{Options, options}
}

// Main is the main function of a reader: it serves standard input and output. The
// error, if there is one, ends the process.
func Main(decode func(payload []byte) Answer) {
	if err := Serve(os.Stdin, os.Stdout, decode); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// Serve answers every payload from in until it ends, each at once: the limit for an answer
// counts from the one before, so a slow decode must not delay both. A panic of decode is
// answered as one. The error is one of reading or writing, or of a frame that is too long.
func Serve(in io.Reader, out io.Writer, decode func(payload []byte) Answer) error {
	const pipe = 64 << 10 // bytes that a pipe holds on Linux
	r := bufio.NewReaderSize(in, pipe)
	for {
		payload, err := ReadFrame(r)
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		a := guarded(func() Answer { return decode(payload) })
		if err := WriteFrame(out, append([]byte(a.Outcome+"\n"), a.Detail...)); err != nil {
			return err
		}
	}
}

func guarded(decode func() Answer) (a Answer) {
	defer func() {
		if v := recover(); v != nil {
			a = Answer{Panic, []byte(fmt.Sprint(v))}
		}
	}()
	return decode()
}

// ReadFrame reads a frame. The error is io.EOF if there is no more input, and
// io.ErrUnexpectedEOF if it ends within a frame's content.
func ReadFrame(r io.Reader) ([]byte, error) {
	var head [4]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return nil, err
	}
	n := binary.BigEndian.Uint32(head[:])
	if n > MaxFrame {
		return nil, fmt.Errorf("the output begins with %q, which is not the length of a frame", head[:])
	}
	b := make([]byte, n)
	if _, err := io.ReadFull(r, b); err != nil {
		return nil, io.ErrUnexpectedEOF
	}
	return b, nil
}

// WriteFrame writes b, of at most MaxFrame bytes, as a frame, at once. The error is that of w.
func WriteFrame(w io.Writer, b []byte) error {
	frame := binary.BigEndian.AppendUint32(make([]byte, 0, 4+len(b)), uint32(len(b)))
	_, err := w.Write(append(frame, b...))
	return err
}
