package decoder

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"testing"
)

// Whatever the script, the bytes arrive whole and in order, and then the end.
func TestScripted(t *testing.T) {
	want := bytes.Repeat([]byte("payload "), 100)
	for _, script := range [][]byte{nil, {0}, {0xff}, {0xc0, 0}, {0x40}, {0x7f, 0xc1, 3}} {
		got, err := io.ReadAll(Scripted(want, script))
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("script %x: %d bytes, %v", script, len(got), err)
		}
		fail := errors.New("fail")
		r := Failing(want, 300, script, fail)
		got, err = io.ReadAll(r)
		if err != fail || !bytes.Equal(got, want[:300]) {
			t.Errorf("script %x, failing: %d bytes, %v", script, len(got), err)
		}
		got, err = io.ReadAll(r)
		if err != nil || !bytes.Equal(got, want[300:]) {
			t.Errorf("script %x, after the failure: %d bytes, %v", script, len(got), err)
		}
	}
}

// What reads with bufio is given as many empty reads in a row as it takes, and no more.
func TestScriptedEmptyReads(t *testing.T) {
	for n, want := range map[int]int{3: 3, 10: 10, maxEmpty: maxEmpty, 2 * maxEmpty: maxEmpty} {
		r := Scripted([]byte("ab"), WithEmptyReads(Script([]int{1, 1}, Alone), n, 1))
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
	all, err := io.ReadAll(bufio.NewReader(Scripted([]byte("abc"), WithEmptyReads([]byte{0}, 200, -1))))
	if err != nil || string(all) != "abc" {
		t.Errorf("with bufio %q, %v", all, err)
	}
}

func TestScriptedDeliversAsTold(t *testing.T) {
	r := Scripted([]byte("abcdef"), []byte{0, 0xc0, 2, 0x42})
	for i, want := range []struct {
		n   int
		err error
	}{{1, nil}, {0, nil}, {3, nil}, {2, io.EOF}} {
		if n, err := r.Read(make([]byte, 10)); n != want.n || err != want.err {
			t.Errorf("read %d: %d, %v; want %d, %v", i, n, err, want.n, want.err)
		}
	}
}
