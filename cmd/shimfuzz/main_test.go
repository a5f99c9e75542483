package main

import (
	"errors"
	"os"
	"strings"
	"testing"

	"shimfuzz/fuzz"
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
		{"-target=FuzzNone", options{}, "there is no target FuzzNone"},
		{"stray", options{}, `"stray" is no flag`},
		{"-fuzztime=soon", options{}, "want a time"},
		{"-fuzztime=-1s", options{}, "want a time"},
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

// What keep refuses is refused in one line.
func TestKeepRefuses(t *testing.T) {
	dir := t.TempDir()
	empty, large := dir+"/empty", dir+"/large"
	for name, size := range map[string]int{empty: 0, large: fuzz.MaxKept + 1} {
		if err := os.WriteFile(name, make([]byte, size), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	_, missing := os.Stat(dir + "/none")
	for name, want := range map[string]string{"": "CASE=file is missing", empty: "empty", large: "more than the 1 MiB",
		dir: "not a regular file", dir + "/none": errors.Unwrap(missing).Error()} {
		if err := keep(&options{file: name}, dir); err == nil ||
			!strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("keep %q: %v, want %s", name, err, want)
		}
	}
}
