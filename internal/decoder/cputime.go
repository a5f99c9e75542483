package decoder

import (
	"runtime"
	"runtime/debug"
)

// Work is what one call of f costs its thread: nanoseconds on a processor, and
// cycles on Windows, so it is only to be compared with others. What f leaves to
// other goroutines does not count. The garbage collector is off meanwhile, for
// it would make f help. ok is false where the system has no such clock.
func Work(f func()) (cost int64, ok bool) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	runtime.GC()
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	before, ok := thread()
	if !ok {
		return 0, false
	}
	f()
	after, ok := thread()
	return after - before, ok
}
