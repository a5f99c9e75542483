package decoder

import (
	"runtime"
	"runtime/debug"
)

// Work is what one call of f costs the process: nanoseconds on a processor, and cycles on
// Windows, so it is only to be compared with others. The garbage collector is off
// meanwhile.
func Work(f func()) (cost int64) {
	runtime.GC()
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	before := worked()
	f()
	return worked() - before
}
