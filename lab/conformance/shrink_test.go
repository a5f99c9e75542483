package conformance

import (
	"bytes"
	"testing"

	"shimfuzz/internal/wire"
)

// What matters is all that remains, wherever it stands and however it is written.
func TestSmaller(t *testing.T) {
	rest := []wire.Part{wire.Varint(1, 1).WideTag(5), wire.Sub(7, wire.String(1, "something else"))}
	annotation := wire.Sub(18, wire.String(1, "an annotated one"), wire.String(2, "x")).Wide(4)
	for _, test := range []struct {
		in, want wire.Message
	}{
		{wire.Message{wire.String(1, "a"), wire.Sub(2, append(rest, annotation)...), wire.Varint(9, 1)},
			wire.Message{wire.Sub(2, wire.Sub(18, wire.String(1, "annotated")))}},
		{wire.Message{wire.Group(3, append(rest, annotation)...).WideTag(4)},
			wire.Message{wire.Group(3, wire.Sub(18, wire.String(1, "annotated"))).WideTag(4)}},
		{wire.Message{wire.String(1, "a"), wire.Raw([]byte("\xff\xffannotated"))},
			wire.Message{wire.Raw([]byte("annotated"))}},
	} {
		b := test.in.Encode()
		for found := true; found; {
			found = false
			for _, c := range smaller(b) {
				if bytes.Contains(c, []byte("annotated")) && len(c) < len(b) {
					b, found = c, true
					break
				}
			}
		}
		if want := test.want.Encode(); len(b) > len(want) {
			t.Errorf("%x, want %x", b, want)
		}
	}
}
