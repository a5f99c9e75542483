package fuzz

import (
	"os"
	"regexp"
	"slices"
	"testing"
)

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
