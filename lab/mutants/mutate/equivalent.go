package mutate

import (
	_ "embed"
	"fmt"
	"strings"
)

//go:embed equivalent.txt
var equivalentText string

// Equivalent are the mutants that no input can tell from the original, by their
// source and name, with the reason. Each line of equivalent.txt is one:
//
//	source | name | reason
//
// The source carries the version that the mutant is of, so that a new one is
// judged again.
func Equivalent() (map[string]string, error) { return parseEquivalent(equivalentText) }

func parseEquivalent(text string) (map[string]string, error) {
	all := make(map[string]string)
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		parts := strings.SplitN(line, " | ", 3)
		if len(parts) < 3 {
			return nil, fmt.Errorf("equivalent.txt: want source | name | reason: %s", line)
		}
		id := parts[0] + " | " + parts[1]
		if all[id] != "" {
			return nil, fmt.Errorf("equivalent.txt: %s is there twice", id)
		}
		all[id] = parts[2]
	}
	return all, nil
}
