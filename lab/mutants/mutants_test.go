package mutants

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"shimfuzz/internal/hcsshim/extract"
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

// An entry of the list that is no longer true is said, whether the mutant was
// killed or is not made any more; one of another version is left alone.
func TestStale(t *testing.T) {
	all := numbered(3)
	all[0].result, all[1].result = isKilled, isEquivalent
	known := map[string]string{all[0].id(): "r", all[1].id(): "r", "reference | f: gone #1": "r",
		"hcsshim v0.1.0 | f: gone #1": "r"}
	got := fmt.Sprint(stale(all, known))
	if want := "[reference | f: negate #0: killed reference | f: gone #1: there is no such mutant]"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// What is not listed as equivalent, and one that is listed and killed, fail the run.
func TestJudge(t *testing.T) {
	b := &extract.Build{Source: &extract.Source{Version: "v0.15.0"}}
	all := numbered(2)
	all[0].result, all[1].result = isKilled, isEquivalent
	if err := judge(b, all, nil); err != nil {
		t.Errorf("killed and equivalent: %v", err)
	}
	if judge(b, all, []string{"entry"}) == nil {
		t.Error("a stale entry is no error")
	}
	if all[0].result = isSurvivor; judge(b, all, nil) == nil {
		t.Error("a survivor is no error")
	}
}

// The checker says what the compiler would.
func TestChecker(t *testing.T) {
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	const pkg = "shimfuzz/internal/reference"
	s := &suite{Build: &extract.Build{Root: root, Work: "off"}, sources: []source{{pkg: pkg}}}
	loaded, err := s.load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	f := &file{pkg: loaded[pkg], name: filepath.Join(root, "internal", "reference", "decoder.go")}
	f.Set, f.Syntax = f.pkg.Fset, f.pkg.Syntax[slices.Index(f.pkg.CompiledGoFiles, f.name)]
	text, err := os.ReadFile(f.name)
	if err != nil {
		t.Fatal(err)
	}
	for more, want := range map[string]string{
		"": "", "func unused() { x := 1 }": "declared and not used: x", "import": "must appear",
		"var x int = true": "cannot use true",
	} {
		err := f.check([]byte(string(text) + "\n" + more + "\n"))
		if (err != nil) != (want != "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", more, err, want)
		}
	}
}
