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
		if line = strings.TrimSpace(line); line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		parts := strings.SplitN(line, " | ", 3)
		if len(parts) < 3 || all[parts[0]+" | "+parts[1]] != "" {
			return nil, fmt.Errorf("equivalent.txt: want source | name | reason, once: %s", line)
		}
		all[parts[0]+" | "+parts[1]] = parts[2]
	}
	return all, nil
}
