package decoder

import (
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
