package verify

import (
	"cmp"
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

// Enumerated notes that some payloads were enumerated.
func Enumerated(n int) {
	results.Lock()
	defer results.Unlock()
	results.Enumerated += n
}

// Record notes an answer that fails a test, for the command.
func Record(test string, r verdict.Report) {
	results.Lock()
	defer results.Unlock()
	results.Failures = append(results.Failures, failureOf(test, r))
	_ = write() // flush reports what cannot be written
}

func failureOf(test string, r verdict.Report) settings.Failure {
	f := settings.Failure{Test: test, Group: r.Group.String(), Replay: r.Replay}
	if r.Finding != nil {
		f.Finding = r.Finding.Name
	}
	return f
}

// firstOf is the first test that has failed for the same cause, and the cause's name.
func firstOf(r verdict.Report) (test, name string) {
	results.Lock()
	defer results.Unlock()
	f := failureOf("", r)
	i := slices.IndexFunc(results.Failures, func(g settings.Failure) bool { return nameOf(g) == nameOf(f) })
	return results.Failures[i].Test, nameOf(f)
}

// nameOf names the cause of a failure: the finding that explains it, or what it has in
// common with others.
func nameOf(f settings.Failure) string { return cmp.Or(f.Finding, f.Group) }

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

// summary says how many payloads were enumerated, which answers were excused, and, if tests
// have failed, for which causes and what to do next. It is "" if there is nothing to say.
func summary(failed bool) string {
	results.Lock()
	defer results.Unlock()
	var b strings.Builder
	if results.Enumerated > 0 {
		fmt.Fprintf(&b, "%d payloads enumerated\n", results.Enumerated)
	}
	if len(results.Excused) > 0 {
		fmt.Fprintf(&b, "known findings of hcsshim %s, excused:\n", hcsshimVersion())
	}
	for _, name := range slices.Sorted(maps.Keys(results.Excused)) {
		fmt.Fprintf(&b, "  %7d × %s\n", results.Excused[name], name)
	}
	if !failed || len(results.Failures) == 0 {
		return b.String()
	}
	b.WriteString("what failed, by cause, and what to do next:\n")
	for _, c := range causes(results.Failures) {
		fmt.Fprintf(&b, "  %7d × %-40s  %s\n", c.tests, c.name, c.next)
	}
	return b.String()
}

// cause is what failures of several tests have in common.
type cause struct {
	name  string
	tests int
	next  string // the command to go on with
}

// causes are those of failures: what no finding explains first, and then by the number of
// tests that fail.
func causes(failures []settings.Failure) []*cause {
	var all []*cause
	known := make(map[*cause]bool)
	tests := make(map[string]bool)
	for _, f := range failures {
		if f.Replay == "" { // a test looks at a report of its own making
			continue
		}
		name := nameOf(f)
		i := slices.IndexFunc(all, func(c *cause) bool { return c.name == name })
		if i < 0 {
			i = len(all)
			next, _, _ := strings.Cut(f.Replay, "\n")
			all = append(all, &cause{name: name, next: next})
			known[all[i]] = f.Finding != ""
		}
		if key := name + "\n" + f.Test; !tests[key] { // a test that shrinks its input fails often
			tests[key] = true
			all[i].tests++
		}
	}
	slices.SortStableFunc(all, func(a, b *cause) int {
		if known[a] != known[b] && known[b] {
			return -1
		} else if known[a] != known[b] {
			return 1
		}
		return b.tests - a.tests
	})
	return all
}
