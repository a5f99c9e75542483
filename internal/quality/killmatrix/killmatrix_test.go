package killmatrix

import (
	"bytes"
	"strings"
	"testing"
	"time"
)

var (
	layers = []string{"properties", "fuzz seeds"}
	isFuzz = func(layer string) bool { return layer == "fuzz seeds" }
	sample = []*Mutant{
		{Source: "reference", Name: "f: negate #1", Result: Killed, After: time.Second,
			Kills: []Kill{{Layer: "properties", Test: "TestA"}, {Layer: "properties", Test: "TestB"}, {Layer: "fuzz seeds", Test: "FuzzX", Execs: 7}}},
		{Source: "reference", Name: "f: negate #2", Result: TimedOut, After: 3 * time.Second, Kills: []Kill{{Layer: "properties", Test: "TestA"}}},
		{Source: "reference", Name: "f: negate #3", Result: BuildFailed},
		{Source: "zoo", Name: "one-read", Change: "Why <not>.", Result: Survived},
		{Source: "zoo", Name: "must", Result: Equivalent, Note: "it is"},
	}
)

// fields are the words of the line that begins with a word.
func fields(t *testing.T, text, first string) string {
	t.Helper()
	for line := range strings.Lines(text) {
		if words := strings.Fields(line); len(words) > 0 && words[0] == first {
			return strings.Join(words, " ")
		}
	}
	t.Fatalf("no line begins with %q:\n%s", first, text)
	return ""
}

// The summary counts fates by source, kills by layer and by test, and names the
// tests that kill nothing which no other property kills.
func TestText(t *testing.T) {
	var b bytes.Buffer
	Text(&b, sample, layers, []string{"TestA", "TestB", "TestC"}, isFuzz)
	for first, want := range map[string]string{
		"reference":  "reference 3 1 0 1 1 0 0 3.0 s median",
		"zoo":        "zoo 2 0 0 0 0 1 1 -",
		"all":        "all 5 1 0 1 1 1 1 3.0 s median",
		"properties": "properties 2 100 %",
		"TestA":      "TestA properties 2 1",
		"TestB":      "TestB properties 1 0",
		"FuzzX":      "FuzzX fuzz seeds 1 7",
		"kill":       "kill nothing here that no other property kills: TestB, TestC",
	} {
		if got := fields(t, b.String(), first); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
}

// What survived is shown with the command that runs it again, and nothing else is.
func TestSurvivors(t *testing.T) {
	var b bytes.Buffer
	Survivors(&b, sample)
	if got := b.String(); strings.Count(got, "SURVIVED") != 1 || !strings.Contains(got, "make mutants MUTANT='zoo | one-read'") {
		t.Errorf("got %s", got)
	}
}

// The page has every mutant that ran, once a band, and escapes what it shows.
func TestHTML(t *testing.T) {
	var b bytes.Buffer
	if err := HTML(&b, "the matrix", sample, layers); err != nil {
		t.Fatal(err)
	}
	for text, n := range map[string]int{
		"<h2>": 2, `class="survived"`: 1, `class="equivalent"`: 1, `class="killed"`: 1, `class="timed-out"`: 1,
		`class="k-properties"`: 3, `class="k-fuzz-seeds"`: 1, "does not compile": 0, "<not>": 0,
	} {
		if got := strings.Count(b.String(), text); got != n {
			t.Errorf("%s stands there %d times, want %d", text, got, n)
		}
	}
}
