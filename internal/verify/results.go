package verify

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"shimfuzz/internal/verdict"
)

// results are what this process has found out.
var results = struct {
	sync.Mutex
	excused map[string]int // answers, by finding
	written time.Time      // when these were
	causes  []*cause       // in the order in which tests have failed for them
}{excused: make(map[string]int)}

// cause is what failures of several tests have in common.
type cause struct {
	name  string
	known int      // 1 if it is a finding
	tests []string // each once: one that shrinks its input fails often
	next  string   // the command to go on with
}

// count notes an answer that was excused.
func count(v verdict.Verdict) {
	if v.Kind != verdict.Known {
		return
	}
	results.Lock()
	defer results.Unlock()
	results.excused[v.Finding.Name]++
	// A fuzzing worker is ended without notice, so it writes as it goes.
	if time.Since(results.written) > 100*time.Millisecond {
		results.written = time.Now()
		_ = write() // a lost count fails no test
	}
}

// Record notes a failure of a test, and returns the first test that has failed for its cause.
// One that nothing replays is a report that a test has made to look at.
func Record(test string, r verdict.Report) (first string) {
	if r.Replay == "" {
		return test
	}
	results.Lock()
	defer results.Unlock()
	i := slices.IndexFunc(results.causes, func(c *cause) bool { return c.name == r.Cause() })
	if i < 0 {
		i = len(results.causes)
		next, _, _ := strings.Cut(r.Replay, "\n")
		results.causes = append(results.causes, &cause{name: r.Cause(), next: next})
		if r.Finding != nil {
			results.causes[i].known = 1
		}
	}
	c := results.causes[i]
	if !slices.Contains(c.tests, test) {
		c.tests = append(c.tests, test)
	}
	return c.tests[0]
}

// write writes the excused answers so far into the folder of the settings, for the command.
// The caller holds the lock.
func write() error {
	dir := Settings().Results
	if dir == "" {
		return nil
	}
	text, err := json.Marshal(results.excused)
	if err != nil {
		return err
	}
	// Renamed into its place, for the command may read while a fuzzing worker writes.
	name := filepath.Join(dir, strconv.Itoa(os.Getpid())+".json")
	if err := os.WriteFile(name+".new", text, 0o666); err != nil {
		return err
	}
	return os.Rename(name+".new", name)
}

// ReadExcused adds up the excused answers, by finding, that processes have written into dir.
func ReadExcused(dir string) (map[string]int, error) {
	all := make(map[string]int)
	files, err := filepath.Glob(filepath.Join(dir, "*.json"))
	for _, name := range files {
		var one map[string]int
		text, readErr := os.ReadFile(name)
		err = errors.Join(err, readErr, json.Unmarshal(text, &one))
		for finding, n := range one {
			all[finding] += n
		}
	}
	return all, err
}

// finish prints which answers were excused, and, if tests have failed, for which causes and
// what to do next: first what no finding explains, and then by the number of tests. It
// writes what is left to write.
func finish(failed bool) error {
	results.Lock()
	defer results.Unlock()
	if len(results.excused) > 0 {
		fmt.Printf("known findings of hcsshim %s, excused:\n", hcsshimVersion())
	}
	for _, name := range slices.Sorted(maps.Keys(results.excused)) {
		fmt.Printf("  %7d × %s\n", results.excused[name], name)
	}
	if !failed || len(results.causes) == 0 {
		return write()
	}
	fmt.Println("what failed, by cause, and what to do next:")
	slices.SortStableFunc(results.causes, func(a, b *cause) int {
		return cmp.Or(a.known-b.known, len(b.tests)-len(a.tests))
	})
	for _, c := range results.causes {
		fmt.Printf("  %7d × %-40s  %s\n", len(c.tests), c.name, c.next)
	}
	return write()
}
