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
//
// A decode that only waits does no work: BlockLimit ends that. It is shorter
// than the ten minutes after which go test itself would, without the payload.
const (
	HangLimit  = 20 * time.Second
	BlockLimit = 5 * time.Minute
)

// hangLimit is the limit that holds. The lab's is shorter for its many mutants.
var hangLimit = HangLimit

// watchEvery is how often the watchdog looks.
const watchEvery = time.Second

// running holds the decodes under way.
var running struct {
	sync.Mutex
	next    int
	decodes map[int]*decode
	once    sync.Once
}

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
	running.once.Do(func() {
		running.decodes = make(map[int]*decode)
		go reportHangs()
	})
	running.Lock()
	defer running.Unlock()
	id := running.next
	running.next++
	running.decodes[id] = &decode{decoder: decoder, payload: payload}
	return func() {
		running.Lock()
		defer running.Unlock()
		delete(running.decodes, id)
	}
}

func reportHangs() {
	before, _ := ProcessorTime()
	for range time.Tick(watchEvery) {
		now, ok := ProcessorTime()
		spent := now - before
		before = now
		if !ok {
			spent = watchEvery // and HangLimit is one of the clock
		}
		running.Lock()
		for _, d := range running.decodes {
			d.charge(spent / time.Duration(len(running.decodes)))
			if why := d.hangs(); why != "" {
				panic(fmt.Sprintf("HANG: %s %s\nguarantee: %s\npayload, %d bytes of hex:\n%s\n",
					d.decoder, why, contract.NeverPanics, len(d.payload), hex.EncodeToString(d.payload)))
			}
		}
		running.Unlock()
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
	case d.worked > hangLimit:
		return fmt.Sprintf("has been decoding for more than %v of processor time", hangLimit)
	case d.took > BlockLimit:
		return fmt.Sprintf("has not answered for more than %v", BlockLimit)
	}
	return ""
}
