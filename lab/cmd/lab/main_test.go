package main

import (
	"strings"
	"testing"
)

// Every variable of a target has a place, and what is given must be of its kind.
func TestParse(t *testing.T) {
	t.Setenv("FINDINGS", "none")
	t.Setenv("SHIMFUZZ", "")
	for _, c := range commands {
		j, err := c.parse(nil)
		if err != nil || (j.test.Findings == "none") != strings.Contains(c.variables, "FINDINGS") {
			t.Errorf("%s: %v, FINDINGS=%s", c.name, err, j.test.Findings)
		}
		for name := range strings.FieldsSeq(c.variables) {
			name, _, _ = strings.Cut(name, "=")
			if j.places().Lookup(name) == nil {
				t.Errorf("%s: %s has no place", c.name, name)
			}
		}
	}
	c := command{variables: "READER LEVEL=freedoms SEED=1 UPDATE FUZZTIME FINDINGS"}
	j, err := c.parse([]string{"READER=python3 a=b.py", "SEED=7", "UPDATE=1", "FINDINGS=v0.15.0"})
	if err != nil || j.Reader != "python3 a=b.py" || j.Level != "freedoms" || j.Seed != 7 || !j.Update ||
		j.test.Findings != "v0.15.0" {
		t.Errorf("%+v, %v", j, err)
	}
	for _, arg := range []string{"SAMPLE=1", "SEED=0", "SEED=x", "UPDATE=x", "FUZZTIME=5", "LEVEL=all", "FINDINGS=x"} {
		if _, err := c.parse([]string{arg}); err == nil || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v", arg, err)
		}
	}
}
