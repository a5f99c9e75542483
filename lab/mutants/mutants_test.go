package mutants

import (
	"fmt"
	"os"
	"path/filepath"
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
		hangs     bool
	}{
		{"--- FAIL: FuzzLegacy (0.02s)\n    --- FAIL: FuzzLegacy/seed#11 (0.00s)\n--- FAIL: TestValid (0.02s)\n",
			"FuzzLegacy", false},
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
	known := map[string]string{all[0].id(): "r", all[1].id(): "r", "reference | f: gone #1": "r",
		"hcsshim v0.1.0 | f: gone #1": "r"}
	got := fmt.Sprint(append(unknown(all, known), stale(all, known)...))
	if want := "[reference | f: gone #1: there is no such mutant reference | f: negate #0: killed]"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// A mutant whose copy is the same machine code as the original's, or as another
// mutant's, is a duplicate; what its closures and data are counts, too.
func TestFindDuplicates(t *testing.T) {
	const listing = `p.f STEXT size=9
	0x0000 00000 (p.go:1)	CALL	p.mutant0_f(SB)
p.T.mutant0_f STEXT size=3
	0x0000 00000 (p.go:7)	TEXT	p.T.mutant0_f(SB)
	0x0003 00003 (p.go:8)	CALL	p.T.mutant0_f.func1(SB)
p.T.mutant0_f.func1 STEXT size=3
	0x0000 00000 (p.go:8)	RET
p.T.mutant1_f STEXT size=3
	0x0000 00000 (p.go:17)	TEXT	p.T.mutant1_f(SB)
	0x0003 00003 (p.go:19)	CALL	p.T.mutant1_f.func1(SB)
p.T.mutant1_f.func1 STEXT size=3
	0x0000 00000 (p.go:18)	RET
p.T.mutant2_f STEXT size=3
	0x0000 00000 (p.go:27)	TEXT	p.T.mutant2_f(SB)
	0x0003 00003 (p.go:29)	CALL	p.T.mutant2_f.func1(SB)
p.T.mutant2_f.func1 STEXT size=3
	0x0000 00000 (p.go:28)	JMP	0
p.T.mutant3_f STEXT size=3
	0x0000 00000 (p.go:27)	TEXT	p.T.mutant3_f(SB)
	0x0003 00003 (p.go:29)	CALL	p.T.mutant3_f.func1(SB)
p.T.mutant3_f.func1 STEXT size=3
	0x0000 00000 (p.go:28)	JMP	0
`
	all := numbered(4) // the last has no code
	findDuplicates(listing, all)
	var notes []string
	for _, m := range all {
		notes = append(notes, m.note)
	}
	if got, want := strings.Join(notes, ", "), "the original, , "+all[1].id()+", "; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// The checker says what the compiler would.
func TestChecker(t *testing.T) {
	folder, err := filepath.Abs("../../internal/reference")
	if err != nil {
		t.Fatal(err)
	}
	c, err := newChecker(t.Context(), &mutantTree{dir: "../.."}, []string{folder})
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(folder, "decoder.go")
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	for more, want := range map[string]string{
		"": "", "func unused() { x := 1 }": "declared and not used: x", "import": "must appear",
		"var x int = true": "cannot use true",
	} {
		err := c.check(name, []byte(string(text)+"\n"+more+"\n"))
		if (err != nil) != (want != "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", more, err, want)
		}
	}
}
