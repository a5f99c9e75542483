package quality

import (
	"fmt"
	"strings"
	"testing"
)

func numbered(n int) (all []*mutant) {
	for i := range n {
		all = append(all, &mutant{source: "reference", name: fmt.Sprintf("f: negate #%d", i), number: i + 1})
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
		{"no such", 0, 0, "none of the 20 mutants"},
	} {
		got, err := choose(numbered(20), Choice{Name: test.name, Sample: test.sample, Seed: 1})
		if len(got) != test.want || (err != nil) != (test.fails != "") || err != nil && !strings.Contains(err.Error(), test.fails) {
			t.Errorf("%q, %d: %d, %v; want %d, %q", test.name, test.sample, len(got), err, test.want, test.fails)
		}
	}
}

// The output of a test binary says who failed first.
func TestKillerIn(t *testing.T) {
	for _, test := range []struct {
		out, want string
		hangs     bool
	}{
		{"--- FAIL: FuzzLegacy (0.02s)\n    --- FAIL: FuzzLegacy/seed#11 (0.00s)\n--- FAIL: TestValid (0.02s)\n", "FuzzLegacy", false},
		{"panic: HANG: hcsshim has been decoding\n", "(process ended)", true},
		{"panic: test timed out after 2m0s\n", "(process ended)", true},
		{"fatal error: stack overflow\n", "(process ended)", false},
	} {
		if got, hangs := killerIn(test.out); got != test.want || hangs != test.hangs {
			t.Errorf("got %s, %v; want %s, %v", got, hangs, test.want, test.hangs)
		}
	}
}

// An entry of the list that is no longer true is said, whether the mutant was
// killed or is not made any more; one of another version is left alone.
func TestStale(t *testing.T) {
	all := numbered(3)
	all[0].result, all[1].result = isKilled, isEquivalent
	known := map[string]string{all[0].id(): "r", all[1].id(): "r", "reference | f: gone #1": "r", "hcsshim v0.1.0 | f: gone #1": "r"}
	got := fmt.Sprint(append(unknown(all, known), stale(all, known)...))
	if want := "[reference | f: gone #1: there is no such mutant reference | f: negate #0: killed]"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
