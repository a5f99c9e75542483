// Package protocol is a reader's side of make conformance: a process that is given
// payloads and says what it makes of each.
//
// On its standard input it finds frames until that ends. A frame is a length of
// four bytes, the most significant first, and that many bytes: a payload, just as
// a shim finds it on its own standard input. To each it answers on its standard
// output with a frame of one line, the outcome, and what belongs to it:
//
//	options\n<bytes>    the Options that it has decoded, encoded again
//	none\n              no options were sent: the shim uses its defaults
//	error\n<text>       and what the shim would say; also error/malformed, error/foreign, error/read
//	panic\n<text>       if it can tell; a process that ends is taken for that, too
//	unable\n<text>      the reader cannot be run here at all, and why
//
// What an error would say must not be empty. The Options are encoded without what
// the reader does not know of them, so that fields it drops are seen to be dropped.
//
// An answer that is neither there nor under way after ten seconds is a hang. What
// the process writes to its standard error is shown when it ends before its time.
//
// It uses the standard library alone, for it is built into modules of many ages.
package protocol

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
)

// The outcomes. An error may say which of three kinds it is.
const (
	Options = "options"
	None    = "none"
	Error   = "error"
	Panic   = "panic"
	Unable  = "unable"
)

// MaxFrame is the length in bytes above which a frame is taken for a mistake: that
// of text is longer, whatever it begins with.
const MaxFrame = 64 << 20

// Answer is what a reader makes of a payload.
type Answer struct {
	Outcome string
	Detail  []byte // encoded options, or a text
}

// Failed is the answer of a reader whose error says no more.
func Failed(err error) Answer { return Answer{Error, []byte(err.Error())} }

// Serve answers every payload from in until it ends. A panic of decode is an
// answer.
func Serve(in io.Reader, out io.Writer, decode func(payload []byte) Answer) error {
	r, w := bufio.NewReader(in), bufio.NewWriter(out)
	for {
		payload, err := ReadFrame(r)
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		a := guarded(decode, payload)
		if err := WriteFrame(w, append([]byte(a.Outcome+"\n"), a.Detail...)); err != nil {
			return err
		}
		if err := w.Flush(); err != nil {
			return err
		}
	}
}

func guarded(decode func([]byte) Answer, payload []byte) (a Answer) {
	defer func() {
		if v := recover(); v != nil {
			a = Answer{Panic, []byte(fmt.Sprint(v))}
		}
	}()
	return decode(payload)
}

// ReadFrame reads a frame. Its error is io.EOF if there is none.
func ReadFrame(r io.Reader) ([]byte, error) {
	var head [4]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return nil, err
	}
	n := binary.BigEndian.Uint32(head[:])
	if n > MaxFrame {
		return nil, fmt.Errorf("its output begins with %q, which is no frame's length", head[:])
	}
	b := make([]byte, n)
	if _, err := io.ReadFull(r, b); err != nil {
		return nil, io.ErrUnexpectedEOF
	}
	return b, nil
}

// WriteFrame writes a frame.
func WriteFrame(w io.Writer, b []byte) error {
	var head [4]byte
	binary.BigEndian.PutUint32(head[:], uint32(len(b)))
	if _, err := w.Write(head[:]); err != nil {
		return err
	}
	_, err := w.Write(b)
	return err
}
