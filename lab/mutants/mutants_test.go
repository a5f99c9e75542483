package mutants

import (
	"fmt"
	"strings"
	"testing"

	"shimfuzz/internal/hcsshim/extract"
	"shimfuzz/lab/mutants/mutate"
)

func numbered(n int) (all []*mutant) {
	for i := range n {
		made := mutate.Mutant{Name: fmt.Sprintf("f: negate #%d", i)}
		all = append(all, &mutant{Mutant: made, source: "reference", number: i + 1, result: isUnknown})
	}
	return all
}

// What a user asks for is found, or refused in one line.
func TestChoose(t *testing.T) {
	for _, test := range []struct {
		name   string
		sample int
		want   int
		fails  string
	}{
		{"", 0, 20, ""}, {"", 4, 4, ""}, {"negate #1", 0, 11, ""}, {"reference | f: negate #19", 0, 1, ""},
		{"negate #1", 4, 4, ""}, {"no such", 0, 0, "none of the 20 mutants"},
	} {
		got, err := choose(numbered(20), Choice{Name: test.name, Sample: test.sample, Seed: 1})
		if len(got) != test.want || (err != nil) != (test.fails != "") || err != nil &&
			!strings.Contains(err.Error(), test.fails) {
			t.Errorf("%q, %d: %d, %v; want %d, %q", test.name, test.sample, len(got), err, test.want, test.fails)
		}
	}
}

// The output of a test binary says who failed first.
func TestKillerIn(t *testing.T) {
	for _, test := range []struct {
		out, want string
	}{
		{"--- FAIL: FuzzLegacy (0.02s)\n    --- FAIL: FuzzLegacy/seed#11 (0.00s)\n--- FAIL: TestValid (0.02s)\n",
			"FuzzLegacy/seed#11"},
		{"panic: HANG: hcsshim has been decoding\n", hang},
		{"panic: test timed out after 2m0s\n", hang},
		{"fatal error: stack overflow\n", "(process ended)"},
	} {
		if got := killerIn(test.out); got != test.want {
			t.Errorf("got %s, want %s", got, test.want)
		}
	}
}

// What is not listed as equivalent and survives fails the run, and so does an entry of the
// list that is not true, but for one of another version.
func TestJudge(t *testing.T) {
	b := &extract.Build{Source: &extract.Source{Version: "v0.15.0"}}
	for _, test := range []struct {
		name   string
		result result
		known  string
		fails  bool
	}{
		{"killed", isKilled, "hcsshim v0.1.0 | f: gone #1", false},
		{"equivalent", isEquivalent, "reference | f: negate #0", false},
		{"not run", isUnknown, "reference | f: negate #0", false},
		{"survived", isSurvivor, "", true},
		{"listed and killed", isKilled, "reference | f: negate #0", true},
		{"listed and not made", isKilled, "reference | f: gone #1", true},
	} {
		all := numbered(1)
		all[0].result = test.result
		if err := judge(b, all, map[string]string{test.known: "reason"}); (err != nil) != test.fails {
			t.Errorf("%s: %v", test.name, err)
		}
	}
}
