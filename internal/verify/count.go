package verify

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"shimfuzz/internal/hcsshim"
)

// excuses counts the excused answers of this process, by finding.
var excuses struct {
	sync.Mutex
	byName  map[string]int
	flushed time.Time
}

// CountVariable is the environment variable that names a folder into which each
// process writes its counts: a fuzzing run has several, and all but one are
// silent.
const CountVariable = "SHIMFUZZ_COUNTS"

func count(finding string) {
	excuses.Lock()
	defer excuses.Unlock()
	if excuses.byName == nil {
		excuses.byName = make(map[string]int)
	}
	excuses.byName[finding]++
	// A fuzzing worker is ended without notice, so it writes as it goes.
	if dir := os.Getenv(CountVariable); dir != "" && time.Since(excuses.flushed) > 100*time.Millisecond {
		excuses.flushed = time.Now()
		name := filepath.Join(dir, strconv.Itoa(os.Getpid()))
		_ = os.WriteFile(name, []byte(countLines()), 0o666) // a lost count fails no test
	}
}

func countLines() string {
	var names []string
	for name := range excuses.byName {
		names = append(names, name)
	}
	slices.Sort(names)
	var b strings.Builder
	for _, name := range names {
		fmt.Fprintf(&b, "%s %d\n", name, excuses.byName[name])
	}
	return b.String()
}

// ReadCounts adds up the counts that processes have written into dir.
func ReadCounts(dir string) (map[string]int, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil {
		return nil, err
	}
	total := make(map[string]int)
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			return nil, err
		}
		for line := range strings.Lines(string(text)) {
			var finding string
			var n int
			if _, err := fmt.Sscan(line, &finding, &n); err == nil {
				total[finding] += n
			}
		}
	}
	return total, nil
}

// Main runs a package's tests if there is a decoder to test, and says which
// findings were excused. It returns the exit code.
func Main(run func() int) int {
	if err := hcsshim.Ready(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	code := run()
	excuses.Lock()
	defer excuses.Unlock()
	if lines := countLines(); lines != "" {
		fmt.Printf("excused answers of hcsshim %s, by finding:\n  %s\n", hcsshim.Source(), strings.ReplaceAll(strings.TrimSpace(lines), "\n", "\n  "))
	}
	return code
}
