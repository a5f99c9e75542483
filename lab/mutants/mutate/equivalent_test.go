package mutate

import "testing"

func TestEquivalent(t *testing.T) {
	if _, err := Equivalent(); err != nil {
		t.Error(err)
	}
	got, err := parseEquivalent("# comment\n\nreference | f: negate #1 | it is | as it is\n")
	if err != nil || got["reference | f: negate #1"] != "it is | as it is" {
		t.Errorf("got %v, %v", got, err)
	}
	for _, text := range []string{"reference | f: negate #1", "a | b | c\na | b | d\n"} {
		if got, err := parseEquivalent(text); err == nil {
			t.Errorf("%q: no error, %v", text, got)
		}
	}
}
