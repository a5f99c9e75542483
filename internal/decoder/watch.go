package decoder

import (
	"encoding/hex"
	"fmt"
	"sync"
	"time"

	"shimfuzz/internal/contract"
)

// HangLimit is how long one decode may take. The largest payloads of the suite
// decode in milliseconds, so this is a hang on any machine.
const HangLimit = 20 * time.Second

// running holds the decodes under way.
var running struct {
	sync.Mutex
	next    int
	decodes map[int]*decode
	once    sync.Once
}

type decode struct {
	start   time.Time
	decoder string
	payload []byte
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
	running.decodes[id] = &decode{time.Now(), decoder, payload}
	return func() {
		running.Lock()
		defer running.Unlock()
		delete(running.decodes, id)
	}
}

func reportHangs() {
	for range time.Tick(time.Second) {
		running.Lock()
		for _, d := range running.decodes {
			if time.Since(d.start) > HangLimit {
				panic(fmt.Sprintf("HANG: %s has been decoding for more than %v\nguarantee: %s\npayload, %d bytes of hex:\n%s\n",
					d.decoder, HangLimit, contract.NeverPanics, len(d.payload), hex.EncodeToString(d.payload)))
			}
		}
		running.Unlock()
	}
}
