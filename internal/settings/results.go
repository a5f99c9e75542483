package settings

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
)

// Results is what one test process has found out, as data for the command. Each
// process writes a file of its own into the folder Test.Results.
type Results struct {
	Excused    map[string]int // answers that were excused, by finding
	Failures   []Failure      // in the order in which they were reported
	Enumerated int            // payloads, of everything small
}

// Failure is a wrong answer that failed a test.
type Failure struct {
	Test    string // that failed
	Finding string // that explains the answer though it is not excused; "" if none does
	Group   string // of failures of the same defect, see package verdict
	Replay  string // the command that shows it again
}

// Write writes r into dir, under the process's number.
func (r Results) Write(dir string) error {
	text, err := json.Marshal(r)
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

// ReadResults joins what the processes have written into dir.
func ReadResults(dir string) (Results, error) {
	all := Results{Excused: make(map[string]int)}
	files, err := filepath.Glob(filepath.Join(dir, "*.json"))
	if err != nil {
		return all, err
	}
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			return all, err
		}
		var r Results
		if err := json.Unmarshal(text, &r); err != nil {
			return all, fmt.Errorf("%s: %w", name, err)
		}
		for finding, n := range r.Excused {
			all.Excused[finding] += n
		}
		all.Failures = append(all.Failures, r.Failures...)
		all.Enumerated += r.Enumerated
	}
	return all, nil
}
