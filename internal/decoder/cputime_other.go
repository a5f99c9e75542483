//go:build !darwin && !linux && !windows

package decoder

import "time"

// ProcessorTime is how long the threads of this process have been on a processor, all
// together. ok is false where the system does not say.
func ProcessorTime() (d time.Duration, ok bool) { return 0, false }

// thread is the cost of the calling thread so far.
func thread() (cost int64, ok bool) { return 0, false }
