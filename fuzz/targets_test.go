package fuzz

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"shimfuzz/corpus/table"
)

func TestSplit(t *testing.T) {
	target := Target{Parts: []string{"a", "b", "c"}}
	for _, tc := range []struct {
		input string // with | for the separator
		want  []string
	}{
		{"", []string{"", "", ""}},
		{"payload", []string{"payload", "", ""}},
		{"a|b", []string{"a", "b", ""}},
		{"a|b|c", []string{"a", "b", "c"}},
		{"a|b|c|", []string{"a", "b", "c|"}},
	} {
		var got []string
		for _, part := range target.Split([]byte(strings.ReplaceAll(tc.input, "|", table.Separator))) {
			got = append(got, strings.ReplaceAll(string(part), table.Separator, "|"))
		}
		if !slices.Equal(got, tc.want) {
			t.Errorf("Split(%q) = %q, want %q", tc.input, got, tc.want)
		}
	}
}

// Adding a target is one entry of Targets, its FuzzX here and in package libfuzzer, and its
// name in oss-fuzz/build.sh and on the page.
func TestTargetsAreEverywhere(t *testing.T) {
	for file, pattern := range map[string]string{
		"fuzz_test.go":           `(?m)^func (Fuzz\w+)\(f \*testing.F\) {`,
		"libfuzzer/libfuzzer.go": `(?m)^\tFuzz\w+ += of\("(Fuzz\w+)"\)`,
		"../oss-fuzz/build.sh":   `[ '](Fuzz\w+)`,
		"../docs/fuzzing.md":     "(?m)^\\| `(Fuzz\\w+)` ",
	} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var have []string
		for _, m := range regexp.MustCompile(pattern).FindAllSubmatch(text, -1) {
			have = append(have, string(m[1]))
		}
		if !slices.Equal(have, Names()) {
			t.Errorf("%s has %q, Targets has %q", file, have, Names())
		}
	}
	// Each takes the parts that it names: Run panics if it wants more. A wrong answer is
	// another test's to report.
	for _, target := range Targets {
		target.Failure(target.Split(nil))
	}
}
