package decoder

import (
	"runtime/debug"
	"time"
)

// mutantLimit is HangLimit for a decoder with a bug, of which there are many.
const mutantLimit = 3 * time.Second

func init() {
	hangLimit = mutantLimit
	// A mutant that recurses without end must not take the machine's memory first.
	debug.SetMaxStack(64 << 20)
	go reportOtherHangs()
}

// reportOtherHangs reports a mutant of the reference that hangs outside of a decode, where
// it says what is right: the watchdog does not see that, but no next decode begins.
func reportOtherHangs() {
	decodes, before := 0, time.Duration(0)
	for range time.Tick(watchEvery) {
		now, _ := ProcessorTime()
		running.Lock()
		if running.next != decodes {
			decodes, before = running.next, now
		}
		running.Unlock()
		if decodes > 0 && now-before > mutantLimit {
			panic("HANG: no decode has begun for more than " + mutantLimit.String())
		}
	}
}
