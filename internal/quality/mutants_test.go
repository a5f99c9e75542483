package quality

import (
	"fmt"
	"strings"
	"testing"

	"shimfuzz/internal/quality/killmatrix"
)

func numbered(n int) (all []*mutant) {
	for i := range n {
		all = append(all, &mutant{Mutant: killmatrix.Mutant{Source: "reference", Name: fmt.Sprintf("f: negate #%d", i)}})
	}
	return all
}

// A sample is spread over all mutants, and is the same every time.
func TestEvenly(t *testing.T) {
	for _, test := range []struct {
		n, of int
		want  string
	}{
		{3, 9, "0 3 6"}, {2, 5, "0 2"}, {5, 3, "0 1 2"}, {1, 1, "0"},
	} {
		var got []string
		for _, m := range evenly(numbered(test.of), test.n) {
			got = append(got, m.Name[strings.Index(m.Name, "#")+1:])
		}
		if strings.Join(got, " ") != test.want {
			t.Errorf("%d of %d: got %v, want %s", test.n, test.of, got, test.want)
		}
	}
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
		got, err := choose(numbered(20), test.name, test.sample)
		if len(got) != test.want || (err != nil) != (test.fails != "") || err != nil && !strings.Contains(err.Error(), test.fails) {
			t.Errorf("%q, %d: %d, %v; want %d, %q", test.name, test.sample, len(got), err, test.want, test.fails)
		}
	}
}

// The output of a test binary says who failed, and after how many seeds.
func TestKillsIn(t *testing.T) {
	const out = `--- FAIL: FuzzLegacy (0.02s)
    --- FAIL: FuzzLegacy/seed#11 (0.00s)
    --- FAIL: FuzzLegacy/seed#4 (0.00s)
--- FAIL: TestValid (0.02s)
    --- FAIL: TestValid/hcsshim (0.00s)
FAIL
`
	for _, test := range []struct {
		out, want string
		timedOut  bool
	}{
		{out, "[{seeds FuzzLegacy 5} {seeds TestValid 0}]", false},
		{"panic: HANG: hcsshim has been decoding\n", "[{seeds (hang) 0}]", true},
		{"panic: test timed out after 2m0s\n", "[{seeds (hang) 0}]", true},
		{"fatal error: stack overflow\n", "[{seeds (process ended) 0}]", false},
	} {
		kills, timedOut := killsIn(test.out, "seeds")
		if fmt.Sprint(kills) != test.want || timedOut != test.timedOut {
			t.Errorf("got %v, %v; want %s, %v", kills, timedOut, test.want, test.timedOut)
		}
	}
}

// An entry of the list that is no longer true is said, whether the mutant was
// killed or is not made any more; one of another version is left alone.
func TestStale(t *testing.T) {
	all := numbered(3)
	all[0].Result, all[1].Result = killmatrix.Killed, killmatrix.Equivalent
	known := map[string]string{all[0].ID(): "r", all[1].ID(): "r", "reference | f: gone #1": "r", "hcsshim v0.1.0 | f: gone #1": "r"}
	got := fmt.Sprint(append(unknown(all, known), killed(all, known)...))
	if want := "[reference | f: gone #1: there is no such mutant reference | f: negate #0: killed]"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
