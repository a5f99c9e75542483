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
	"shimfuzz/internal/settings"
)

// excuses counts the excused answers of this process, by finding.
var excuses struct {
	sync.Mutex
	byName  map[string]int
	flushed time.Time
}

func count(finding string) {
	excuses.Lock()
	defer excuses.Unlock()
	if excuses.byName == nil {
		excuses.byName = make(map[string]int)
	}
	excuses.byName[finding]++
	// A fuzzing worker is ended without notice, so it writes as it goes.
	if dir := os.Getenv(settings.Counts); dir != "" && time.Since(excuses.flushed) > 100*time.Millisecond {
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

// Main runs a package's tests if there is a decoder to test, and says which
// findings were excused. It returns the exit code.
func Main(run func() int) int {
	if err := hcsshim.Ready(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	code := run()
	if external != nil {
		external.Close()
	}
	excuses.Lock()
	defer excuses.Unlock()
	if lines := countLines(); lines != "" {
		fmt.Printf("excused answers of %s, by finding:\n  %s\n", DecoderName(UnderTest), strings.ReplaceAll(strings.TrimSpace(lines), "\n", "\n  "))
	}
	return code
}
