package watch

import (
	"slices"
	"strings"
)

// Snapshot is what one build of the suite answers and links.
type Snapshot struct {
	Answers map[string]Answer // by "decoder: case"
	Unset   []string          // fields that no case of the corpus sets
	Types   []string          // linked messages
	Fields  []string          // theirs, as "message: field"
}

// Answer is a decoder's answer to a case.
type Answer struct {
	Text    string // an answer of the same kind, with the same options, has the same
	Finding string // that explains a wrong answer, Unexplained, or "" for a right one
}

// Unexplained stands in the place of a finding where none explains a wrong answer.
const Unexplained = "wrong, no finding"

// wrong returns what is wrong in the answers, as "finding in decoder".
func (s *Snapshot) wrong() (all []string) {
	for key, a := range s.Answers {
		if a.Finding != "" {
			decoder, _, _ := strings.Cut(key, ": ")
			all = append(all, a.Finding+" in "+decoder)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// missing returns what is in from and not in to.
func missing(from, to []string) []string {
	return slices.DeleteFunc(slices.Clone(from), func(s string) bool { return slices.Contains(to, s) })
}
