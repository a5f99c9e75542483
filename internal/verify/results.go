package verify

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"shimfuzz/internal/payload"
	"shimfuzz/internal/settings"
	"shimfuzz/internal/verdict"
)

// results are those of this process.
var results struct {
	sync.Mutex
	settings.Results
	flushed time.Time
	drawn   map[payload.Mark]int
}

// count notes an answer that was excused.
func count(v verdict.Verdict) {
	if v.Kind != verdict.Known {
		return
	}
	results.Lock()
	defer results.Unlock()
	if results.Excused == nil {
		results.Excused = make(map[string]int)
	}
	results.Excused[v.Finding.Name]++
	// A fuzzing worker is ended without notice, so it writes as it goes.
	if time.Since(results.flushed) > 100*time.Millisecond {
		results.flushed = time.Now()
		_ = write() // a lost count fails no test
	}
}

// Walked notes that some payloads were walked.
func Walked(n int) {
	results.Lock()
	defer results.Unlock()
	results.Walked += n
}

// Mark notes what payloads were made of, if it is to be counted.
func Mark(marks ...payload.Mark) {
	if !Settings().Stats {
		return
	}
	results.Lock()
	defer results.Unlock()
	if results.drawn == nil {
		results.drawn = make(map[payload.Mark]int)
	}
	for _, m := range marks {
		results.drawn[m]++
	}
}

// sizes are the classes in which the sizes of payloads are counted: from one to before the next.
var sizes = []int{0, 1, 13, 65, 256, 4096, 65536}

func size(b []byte) payload.Mark {
	i := len(sizes) - 1
	for sizes[i] > len(b) {
		i--
	}
	if i+1 < len(sizes) && sizes[i+1] > sizes[i]+1 {
		return payload.Mark{What: "size", Row: fmt.Sprintf("%5d to %d bytes", sizes[i], sizes[i+1]-1)}
	}
	return payload.Mark{What: "size", Row: fmt.Sprintf("%5d bytes", sizes[i])}
}

// Record notes an answer that fails a test, for the command.
func Record(test string, r verdict.Report) {
	results.Lock()
	defer results.Unlock()
	f := settings.Failure{Test: test, Group: r.Group.String(), Answer: string(r.Verdict), Replay: r.Replay}
	if r.Finding != nil {
		f.Finding = r.Finding.Name
	}
	results.Failures = append(results.Failures, f)
	_ = write() // flush reports what cannot be written
}

// write writes the results so far. The caller holds the lock.
func write() error {
	dir := Settings().Results
	if dir == "" {
		return nil
	}
	return results.Write(dir)
}

func flush() error {
	results.Lock()
	defer results.Unlock()
	for m, n := range results.drawn {
		results.Drawn = append(results.Drawn, settings.Count{What: m.What, Row: m.Row, Column: m.Column, N: n})
	}
	return write()
}

func excusedText() string {
	results.Lock()
	defer results.Unlock()
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(results.Excused)) {
		fmt.Fprintf(&b, "  %s %d\n", name, results.Excused[name])
	}
	return b.String()
}
