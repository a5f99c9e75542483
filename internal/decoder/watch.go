package decoder

import (
	"encoding/hex"
	"fmt"
	"sync"
	"time"

	"shimfuzz/internal/contract"
)

// HangLimit is how long a processor may work on one decode. The largest payloads
// of the suite take milliseconds, so this is a hang on any machine, however busy.
// It must not be changed after the first decode.
var HangLimit = 20 * time.Second

// BlockLimit ends a decode that only waits, which does no work. It is shorter
// than the ten minutes after which go test itself would, without the payload.
const BlockLimit = 5 * time.Minute

// watchEvery is how often the watchdog looks.
const watchEvery = time.Second

// running has each *decode under way.
var running sync.Map

var startWatchdog = sync.OnceFunc(func() { go reportHangs() })

type decode struct {
	decoder      string
	payload      []byte
	worked, took time.Duration // as far as the watchdog has seen
}

// watch puts a decode under the watchdog until the returned function is called.
// A goroutine cannot be stopped from outside, so the watchdog's one way to
// report a hang is to end the process: by a panic, in which libFuzzer still sees a
// crash and keeps the input.
func watch(decoder string, payload []byte) (done func()) {
	startWatchdog()
	d := &decode{decoder: decoder, payload: payload}
	running.Store(d, d)
	return func() { running.Delete(d) }
}

func reportHangs() {
	before := ProcessorTime()
	for range time.Tick(watchEvery) {
		now := ProcessorTime()
		spent := now - before
		before = now
		var decodes []*decode
		for d := range running.Range {
			decodes = append(decodes, d.(*decode))
		}
		for _, d := range decodes {
			d.charge(spent / time.Duration(len(decodes)))
			if why := d.hangs(); why != "" {
				panic(fmt.Sprintf("HANG: %s %s\nguarantee: %s\npayload, %d bytes of hex:\n%s\n",
					d.decoder, why, contract.NeverPanics, len(d.payload), hex.EncodeToString(d.payload)))
			}
		}
	}
}

// charge adds a decode's share of what the process has worked since the watchdog
// last looked. The system does not say which goroutine it worked for, so all
// decodes share alike: where several hang at once each takes longer to be found.
// A decode is one goroutine and works no longer than time passes; the rest is
// the garbage collector's.
func (d *decode) charge(share time.Duration) {
	d.worked += min(share, watchEvery)
	d.took += watchEvery
}

// hangs says how a decode exceeds a limit, "" if it does not.
func (d *decode) hangs() string {
	switch {
	case d.worked > HangLimit:
		return fmt.Sprintf("has been decoding for more than %v of processor time", HangLimit)
	case d.took > BlockLimit:
		return fmt.Sprintf("has not answered for more than %v", BlockLimit)
	}
	return ""
}
