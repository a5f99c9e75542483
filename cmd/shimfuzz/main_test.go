package main

import (
	"strings"
	"testing"

	"shimfuzz/internal/settings"
)

func TestParse(t *testing.T) {
	t.Setenv(settings.HCSShim, "v0.14.1")
	t.Setenv(settings.Entry, "x.F")
	c := command{name: "all", flags: "hcsshim entry fuzztime target"}
	for _, tc := range []struct {
		args  string
		want  options
		fails string
	}{
		{"", options{hcsshim: "v0.14.1", entry: "x.F", fuzztime: "30s"}, ""},
		{"-hcsshim=../x -entry=y.G -fuzztime=20x", options{hcsshim: "../x", entry: "y.G", fuzztime: "20x"}, ""},
		{"stray", options{}, `"stray" is no flag`},
	} {
		got, err := parse(c, strings.Fields(tc.args))
		switch {
		case tc.fails == "" && (err != nil || *got != tc.want):
			t.Errorf("%s: %+v, %v; want %+v", tc.args, got, err, tc.want)
		case tc.fails != "" && (err == nil || !strings.Contains(err.Error(), tc.fails)):
			t.Errorf("%s: %v, want %s", tc.args, err, tc.fails)
		}
	}
}
