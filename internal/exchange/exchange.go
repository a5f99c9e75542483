// Package exchange is what the make program and the tests it runs tell each
// other. It imports nothing of the suite: the make program must build even when
// the extracted code does not.
package exchange

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Environment variables. The first two are the user's, the others go from the
// make program to the tests.
const (
	HCSShim  = "HCSSHIM"         // what to test: a version, or the path of a checkout
	Findings = "FINDINGS"        // what to excuse: "none", or the version whose list to take
	Build    = "SHIMFUZZ_BUILD"  // the folder of this build, so that two can be tested at a time
	Counts   = "SHIMFUZZ_COUNTS" // a folder into which each process writes what it excused
)

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
