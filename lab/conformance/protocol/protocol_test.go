package protocol

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
)

// Serve answers each payload with a frame, a panic among them, until its input ends or a
// frame is too long, which is an error.
func TestServe(t *testing.T) {
	var in, out bytes.Buffer
	for _, payload := range []string{"options", "none", "error", "panic"} {
		if err := WriteFrame(&in, []byte(payload)); err != nil {
			t.Fatal(err)
		}
	}
	in.WriteString("text")
	err := Serve(&in, &out, func(payload []byte) Answer {
		switch string(payload) {
		case "error":
			return Failed(errors.New("no"))
		case "panic":
			panic("on purpose")
		}
		return Answer{string(payload), []byte("a\nb")}
	})
	if err == nil {
		t.Error("a frame that is too long is no error")
	}
	for _, want := range []string{"options\na\nb", "none\na\nb", "error\nno", "panic\non purpose"} {
		if got, err := ReadFrame(&out); err != nil || string(got) != want {
			t.Errorf("answered %q, %v; want %q", got, err, want)
		}
	}
	if _, err := ReadFrame(&out); err != io.EOF {
		t.Errorf("after the last answer: %v", err)
	}
}

// Every answer is written before Serve waits for input, be it in the middle of a frame.
func TestServeFlushes(t *testing.T) {
	in, payloads := io.Pipe()
	answers, out := io.Pipe()
	served := make(chan error, 1)
	go func() {
		served <- Serve(in, out, func(payload []byte) Answer { return Answer{None, payload} })
		out.Close()
	}()
	for _, test := range []struct{ in, want string }{
		{"\x00\x00\x00\x01a", "a"},
		{"\x00\x00\x00\x01b\x00\x00\x00\x01c", "bc"},
		{"\x00\x00\x00\x01d\x00\x00", "d"},
		{"\x00\x01e\x00\x00\x00\x01", "e"},
		{"f", "f"},
	} {
		if _, err := payloads.Write([]byte(test.in)); err != nil {
			t.Fatal(err)
		}
		for _, want := range test.want {
			if got, err := ReadFrame(answers); err != nil || string(got) != "none\n"+string(want) {
				t.Fatalf("%q: answered %q, %v; want %q", test.in, got, err, want)
			}
		}
	}
	payloads.Close()
	if err := <-served; err != nil {
		t.Error(err)
	}
}

// A frame is its length and its content; an input that is not frames is an error.
func TestReadFrame(t *testing.T) {
	for _, test := range []struct{ in, want, err string }{
		{"\x00\x00\x00\x00", "", ""},
		{"\x00\x00\x00\x02ab", "ab", ""},
		{"\x00\x00\x00\x02abc", "ab", ""},
		{"", "", "EOF"},
		{"\x00\x00", "", "unexpected EOF"},
		{"\x00\x00\x00\x02a", "", "unexpected EOF"},
		{"2026-11-24", "", "not the length of a frame"},
		{"\x04\x00\x00\x01", "", "not the length of a frame"}, // a byte above MaxFrame
	} {
		got, err := ReadFrame(strings.NewReader(test.in))
		if string(got) != test.want || (err == nil) != (test.err == "") || err != nil &&
			!strings.Contains(err.Error(), test.err) {
			t.Errorf("%q: %q, %v; want %q, %s", test.in, got, err, test.want, test.err)
		}
	}
}
