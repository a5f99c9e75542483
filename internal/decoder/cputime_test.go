package decoder

import (
	"testing"
	"time"
)

var sink uint64

// work keeps a processor busy, n times as long as work(1).
func work(n int) {
	for i := range uint64(n) << 20 {
		sink = sink*6364136223846793005 + i
	}
}

func least(f func()) (cost int64) {
	for range 5 {
		before := Worked()
		f()
		if c := Worked() - before; cost == 0 || c < cost {
			cost = c
		}
	}
	return cost
}

// Work counts, also that of other goroutines, and waiting does not.
func TestWork(t *testing.T) {
	one := least(func() { work(1) })
	for _, test := range []struct {
		name     string
		f        func()
		from, to float64 // of the cost of work(1)
	}{
		{"nothing", func() {}, 0, 0.3},
		{"sixteen times the work", func() { work(16) }, 5, 50},
		{"waiting", func() { time.Sleep(50 * time.Millisecond) }, 0, 0.5},
		{"the work of another goroutine", elsewhere, 5, 50},
	} {
		// Where nothing is counted the quotient is NaN, which is not within any limits.
		if got := float64(least(test.f)) / float64(one); !(got >= test.from && got <= test.to) {
			t.Errorf("%s costs %.2f times work(1), want %v to %v", test.name, got, test.from, test.to)
		}
	}
}

func elsewhere() {
	done := make(chan bool)
	go func() {
		work(16)
		close(done)
	}()
	<-done
}

// The time of the process comes to contain what its threads have done, whichever
// steps it is counted in.
func TestProcess(t *testing.T) {
	before := ProcessorTime()
	for now := before; now == before; now = ProcessorTime() {
		work(1)
	}
	if now := ProcessorTime(); now < before {
		t.Errorf("%v after %v", now, before)
	}
}
