package decoder

import (
	"strings"
	"testing"
	"time"
)

// A decode hangs when it has worked for too long, or waited for very long: not
// when a busy machine lets it wait.
func TestHangs(t *testing.T) {
	for _, test := range []struct {
		name  string
		share time.Duration // in each second
		after time.Duration
		why   string
	}{
		{"an endless loop", time.Second, 21 * time.Second, "processor time"},
		{"an endless loop beside a collector on many cores", 60 * time.Second, 21 * time.Second, "processor time"},
		{"one of eight that hang, on two cores", time.Second / 4, 81 * time.Second, "processor time"},
		{"a decode that blocks", 0, 301 * time.Second, "not answered"},
		{"a decode on a machine a hundred times too busy", 10 * time.Millisecond, 301 * time.Second, "not answered"},
	} {
		d := new(decode)
		var after time.Duration
		for d.hangs() == "" {
			d.charge(test.share)
			after += watchEvery
		}
		if after != test.after || !strings.Contains(d.hangs(), test.why) {
			t.Errorf("%s: after %v: %s; want after %v: %s", test.name, after, d.hangs(), test.after, test.why)
		}
	}
}
