//go:build unix

package decoder

import (
	"syscall"
	"time"
)

// ProcessorTime is how long the threads of this process have been on a processor, all
// together.
func ProcessorTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err) // there is always a process
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// Worked is the same in nanoseconds, comparable only with one another.
func Worked() int64 { return int64(ProcessorTime()) }
