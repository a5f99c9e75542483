//go:build darwin || linux

package cputime

import (
	"time"

	"golang.org/x/sys/unix"
)

// Process is how long the threads of this process have been on a processor, all
// together. ok is false where the system does not say.
func Process() (d time.Duration, ok bool) {
	ns, ok := read(unix.CLOCK_PROCESS_CPUTIME_ID)
	return time.Duration(ns), ok
}

// thread is the cost of the calling thread so far.
func thread() (cost int64, ok bool) { return read(unix.CLOCK_THREAD_CPUTIME_ID) }

func read(clock int32) (ns int64, ok bool) {
	var t unix.Timespec
	err := unix.ClockGettime(clock, &t)
	return t.Nano(), err == nil
}
