// Package clusterfuzz tells which panics of Go programs ClusterFuzz takes for the same
// bug.
//
// It does so by what it documents in its code alone
// (https://github.com/google/clusterfuzz): the parser in
// src/clusterfuzz/stacktraces, whose constants.py has the rules for Go, and the
// comparer in src/clusterfuzz/_internal/crash_analysis/crash_comparer.py. Rules for
// what no output of this suite has are left out: numbers and addresses in a first
// line, other languages.
package clusterfuzz

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

const (
	maxLines = 3  // of a state: MAX_CRASH_STATE_FRAMES
	maxLine  = 80 // LINE_LENGTH_CAP

	sameLines = 2   // SAME_FRAMES_THRESHOLD
	similar   = 0.8 // COMPARE_THRESHOLD

	// exact in a state makes that state like itself only.
	exact = "FuzzerHash="
)

var (
	// custom is a panic with a message of its own (ASSERT_REGEX), and typed one of the
	// runtime's that has a type of crash (GOLANG_CRASH_TYPES_MAP).
	custom = regexp.MustCompile(`(?i)^\s*panic: (.*)`)
	typed  = regexp.MustCompile(`^panic: runtime error: (integer divide by zero|index out of range|invalid memory address|makeslice: len out of range|slice bounds out of range)`)

	// frame is a line of a stack that names a function. One whose arguments have a
	// question mark, by which Go says that it is not sure of a value, is none.
	frame = regexp.MustCompile(`^([-\w.\\/()*]+)\([x0-9a-f\s,.{}]*\)$`)
	// wrapper is a function that says nothing of a bug; of the rules for all languages
	// those that a function of a Go program can meet.
	wrapper = regexp.MustCompile(`^(panic$|runtime\.|main|New|new|delete|free|malloc|operator|abort|.*assert|.*logger)`)
)

// State is what ClusterFuzz knows a crash by.
type State struct {
	Type  string
	Lines []string
}

func (s State) String() string { return s.Type + ": " + strings.Join(s.Lines, " | ") }

// Parse reads what a fuzzer has printed. The state is empty if there is no panic.
func Parse(text string) (s State) {
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		if m := typed.FindStringSubmatch(line); m != nil {
			s = State{Type: m[1]}
		} else if m := custom.FindStringSubmatch(line); m != nil {
			s = State{Type: "ASSERT", Lines: []string{cut(m[1])}}
		} else if m := frame.FindStringSubmatch(line); m != nil && s.Type != "" && len(s.Lines) < maxLines && !wrapper.MatchString(m[1]) {
			s.Lines = append(s.Lines, cut(m[1][strings.LastIndex(m[1], "/")+1:]))
		}
	}
	return s
}

func cut(line string) string { return line[:min(len(line), maxLine)] }

// Same reports whether two crashes are in one group.
func Same(a, b State) bool {
	switch {
	case len(a.Lines) == 0 || len(b.Lines) == 0:
		return false
	case slices.Equal(a.Lines, b.Lines):
		return true
	case strings.Contains(strings.Join(a.Lines, "\n"), exact):
		return false
	case common(a.Lines, b.Lines) >= sameLines:
		return true
	}
	n, sum := min(len(a.Lines), len(b.Lines)), 0.0
	for i := range n {
		if length := len(a.Lines[i]) + len(b.Lines[i]); length > 0 {
			sum += 1 - float64(distance(a.Lines[i], b.Lines[i]))/float64(length)
		} else {
			sum++
		}
	}
	return sum/float64(n) > similar
}

// common is the number of lines that two states have in common, in order.
func common(a, b []string) int {
	if len(a) == 0 || len(b) == 0 {
		return 0
	}
	if a[0] == b[0] {
		return 1 + common(a[1:], b[1:])
	}
	return max(common(a[1:], b), common(a, b[1:]))
}

// distance is Levenshtein's: how many bytes to insert, delete or replace.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0]++
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			diagonal, row[j+1] = row[j+1], min(row[j]+1, row[j+1]+1, diagonal+cost)
		}
	}
	return row[len(b)]
}

// Groups are states of crashes by the bug that each crash is of.
type Groups map[string]State

// Add adds a crash of a bug. It is an error if ClusterFuzz took it for one of another bug,
// or not for one of the same.
func (g *Groups) Add(bug string, s State) error {
	if len(s.Lines) == 0 {
		return fmt.Errorf("%s: no crash", bug)
	}
	if *g == nil {
		*g = make(Groups)
	}
	for other, state := range *g {
		if Same(state, s) != (other == bug) {
			return fmt.Errorf("ClusterFuzz confuses %s\n  %v\nand %s\n  %v", bug, s, other, state)
		}
	}
	(*g)[bug] = s
	return nil
}
