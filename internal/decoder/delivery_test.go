package decoder

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"slices"
	"testing"
)

// A script delivers as it says, and a failure once: behind it comes the rest.
func TestFailing(t *testing.T) {
	fail := errors.New("fail")
	r := Failing([]byte("abcdefghij"), 6, []byte{0, 0xc0, 2, 0x42}, fail)
	for i, want := range []struct {
		text string
		err  error
	}{{"a", nil}, {"", nil}, {"bcd", nil}, {"ef", fail}, {"g", nil}, {"", nil}, {"hij", nil}, {"", io.EOF}} {
		b := make([]byte, 10)
		if n, err := r.Read(b); string(b[:n]) != want.text || err != want.err {
			t.Errorf("read %d: %q, %v; want %q, %v", i, b[:n], err, want.text, want.err)
		}
	}
}

// What reads with bufio is given as many empty reads in a row as it takes, and no more.
func TestScriptedEmptyReads(t *testing.T) {
	for n, want := range map[int]int{3: 3, 10: 10, maxEmpty: maxEmpty, 2 * maxEmpty: maxEmpty} {
		r := Scripted([]byte("ab"), slices.Concat([]byte{0}, bytes.Repeat([]byte{Empty}, n), []byte{0}))
		if _, err := r.Read(make([]byte, 10)); err != nil {
			t.Fatal(err)
		}
		got := 0
		for n := 0; n == 0; got++ {
			n, _ = r.Read(make([]byte, 10))
		}
		if got--; got != want {
			t.Errorf("%d empty reads of %d, want %d", got, n, want)
		}
	}
	all, err := io.ReadAll(bufio.NewReader(Scripted([]byte("abc"), bytes.Repeat([]byte{Empty}, 200))))
	if err != nil || string(all) != "abc" {
		t.Errorf("with bufio %q, %v", all, err)
	}
}
