package settings

import (
	"reflect"
	"strings"
	"testing"
)

// What the command hands over arrives as it is.
func TestEnviron(t *testing.T) {
	want := Test{HCSShim: "../my hcsshim", Findings: "v0.15.0,-identity-misread", Decoder: "hcsshim",
		Lab: `{"Seed":7}`}
	name, value, _ := strings.Cut(want.Environ(), "=")
	t.Setenv(name, value)
	t.Setenv(Findings, "none") // the command's settings are the whole of them
	got, err := Load()
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("Load = %+v, %v; want %+v", got, err, want)
	}
}

// Plain go test takes the user's own variables.
func TestLoadWithoutCommand(t *testing.T) {
	t.Setenv(Variable, "")
	t.Setenv(HCSShim, "v0.14.1")
	t.Setenv(Entry, "")
	t.Setenv(Findings, "none")
	got, err := Load()
	if err != nil || got != (Test{HCSShim: "v0.14.1", Findings: "none"}) {
		t.Errorf("Load = %+v, %v", got, err)
	}
	t.Setenv(Variable, "no JSON")
	if _, err := Load(); err == nil {
		t.Error("Load accepts what is not JSON")
	}
}

func TestCaseArguments(t *testing.T) {
	s := Test{HCSShim: "../my hcsshim", Findings: "none"}
	if got, want := s.CaseArguments("/x/y"), " HCSSHIM='../my hcsshim' FINDINGS=none"; !strings.HasSuffix(got, want) {
		t.Errorf("CaseArguments = %q, want it to end with %q", got, want)
	}
}

func TestQuote(t *testing.T) {
	for s, want := range map[string]string{"": "''", "../hcsshim": "../hcsshim", "a b": "'a b'", "a'b": `'a'\''b'`,
		"$X": "'$X'", "v0.15.0,-a": "v0.15.0,-a"} {
		if got := Quote(s); got != want {
			t.Errorf("Quote(%q) = %s, want %s", s, got, want)
		}
	}
}
