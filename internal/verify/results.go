package verify

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"shimfuzz/internal/settings"
	"shimfuzz/internal/verdict"
)

// results are those of this process.
var results struct {
	sync.Mutex
	settings.Results
	flushed time.Time
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
