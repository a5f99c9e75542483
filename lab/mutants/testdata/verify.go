package verify

import (
	"io"
	"runtime/debug"
	"sync/atomic"
	"time"

	"github.com/Microsoft/hcsshim/cmd/containerd-shim-runhcs-v1/options"

	"shimfuzz/internal/decoder"
	"shimfuzz/internal/hcsshim"
	"shimfuzz/internal/reference"
	"shimfuzz/internal/settings"
	"shimfuzz/lab/bugs"
)

// mutantLimit is the limit of a decode with a bug, of which there are many.
const mutantLimit = 3 * time.Second

// decodes are those that have begun.
var decodes atomic.Int64

// The decoder under test gets the hand-written bug that the lab names.
func init() {
	t, err := settings.Load()
	if err != nil {
		panic(err)
	}
	u := hcsshim.Current() // of which, and of the reference, the tests run the one that the lab names
	u.ReadOptions = counted(u.ReadOptions, t.Lab)
	for i := range u.Creates {
		u.Creates[i].Read = counted(u.Creates[i].Read, t.Lab)
	}
	reference.Decoder.Read = counted(reference.Decoder.Read, t.Lab)
	reference.CreateDecoder.Read = counted(reference.CreateDecoder.Read, "")
	hcsshim.Register(u)
	decoder.HangLimit = mutantLimit
	// A mutant that recurses without end must not take the machine's memory first.
	debug.SetMaxStack(64 << 20)
	go reportOtherHangs()
}

func counted(read bugs.Read, bug string) bugs.Read {
	read = bugs.Inject(bug, read)
	return func(r io.Reader) (*options.Options, error) {
		decodes.Add(1)
		return read(r)
	}
}

// reportOtherHangs reports a mutant of the reference that hangs outside of a decode, where
// it says what is right: the watchdog does not see that, but no next decode begins.
func reportOtherHangs() {
	var before time.Duration
	for seen := int64(0); ; time.Sleep(time.Second) {
		now, n := decoder.ProcessorTime(), decodes.Load()
		if n != seen {
			seen, before = n, now
		}
		if seen > 0 && now-before > mutantLimit {
			panic("HANG: no decode has begun for more than " + mutantLimit.String())
		}
	}
}
