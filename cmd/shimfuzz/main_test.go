package main

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"

	"shimfuzz/internal/settings"
	"shimfuzz/internal/targets"
)

func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// The list of fuzz targets is the targets there are.
func TestTargets(t *testing.T) {
	var have []string
	for _, m := range regexp.MustCompile(`(?m)^func (Fuzz\w+)\(`).FindAllStringSubmatch(read(t,
		"../../fuzz/fuzz_test.go"), -1) {
		have = append(have, m[1])
	}
	if !slices.Equal(have, targets.Names()) {
		t.Errorf("fuzz has %v, the list has %v", have, targets.Names())
	}
}

func TestParse(t *testing.T) {
	t.Setenv(settings.Variable, "")
	t.Setenv(settings.HCSShim, "v0.14.1")
	t.Setenv(settings.Entry, "x.F")
	t.Setenv(settings.Findings, "")
	c := command{name: "fuzz", flags: "hcsshim entry findings fuzztime target"}
	for _, tc := range []struct {
		args  string
		want  options
		fails string
	}{
		{"", options{hcsshim: "v0.14.1", entry: "x.F", fuzztime: "30s"}, ""},
		{"-hcsshim=../x -entry=y.G -findings none -fuzztime=20x",
			options{hcsshim: "../x", entry: "y.G", findings: "none", fuzztime: "20x"}, ""},
		{"-target=FuzzNone", options{}, "there is no target FuzzNone"},
		{"-findings=v1.x", options{}, "v1.x"},
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

// The command builds when the extracted code does not, so it links none of it.
func TestLinksNothingExtracted(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", "shimfuzz/cmd/shimfuzz").Output()
	if err != nil {
		t.Fatal(err)
	}
	for p := range strings.FieldsSeq(string(out)) {
		switch p {
		case "shimfuzz/internal/hcsshim", "shimfuzz/internal/verify", "shimfuzz/fuzz":
			t.Errorf("cmd/shimfuzz links %s", p)
		}
	}
}

// What keep refuses is refused in one line.
func TestKeepRefuses(t *testing.T) {
	dir := t.TempDir()
	empty, large := dir+"/empty", dir+"/large"
	for name, size := range map[string]int{empty: 0, large: targets.MaxKept + 1} {
		if err := os.WriteFile(name, make([]byte, size), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	_, missing := os.Stat(dir + "/none")
	for name, want := range map[string]string{"": "CASE=file is missing", empty: "empty", large: "more than the 1 MiB",
		dir: "not a regular file", dir + "/none": errors.Unwrap(missing).Error()} {
		if err := keep(context.Background(), &options{file: name}, dir); err == nil ||
			!strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("keep %q: %v, want %s", name, err, want)
		}
	}
}
