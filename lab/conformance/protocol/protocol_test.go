package protocol

import (
	"bytes"
	"io"
	"strings"
	"testing"
)

// A panic is an answer, and a frame that is too long an error.
func TestServe(t *testing.T) {
	var out bytes.Buffer
	err := Serve(strings.NewReader("\x00\x00\x00\x00text"), &out, func([]byte) Answer { panic("on purpose") })
	if got, errFrame := ReadFrame(&out); errFrame != nil || string(got) != "panic\non purpose" || err == nil {
		t.Errorf("answered %q, %v; %v", got, errFrame, err)
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
