//go:build darwin || linux

package decoder

import (
	"time"

	"golang.org/x/sys/unix"
)

// ProcessorTime is how long the threads of this process have been on a processor, all
// together. ok is false where the system does not say.
func ProcessorTime() (d time.Duration, ok bool) {
	ns, ok := clockTime(unix.CLOCK_PROCESS_CPUTIME_ID)
	return time.Duration(ns), ok
}

// thread is the cost of the calling thread so far.
func thread() (cost int64, ok bool) { return clockTime(unix.CLOCK_THREAD_CPUTIME_ID) }

func clockTime(clock int32) (ns int64, ok bool) {
	var t unix.Timespec
	err := unix.ClockGettime(clock, &t)
	return t.Nano(), err == nil
}
