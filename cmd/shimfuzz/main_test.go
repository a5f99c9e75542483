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
	for _, m := range regexp.MustCompile(`(?m)^func (Fuzz\w+)\(`).FindAllStringSubmatch(read(t, "../../fuzz/fuzz_test.go"), -1) {
		have = append(have, m[1])
	}
	if !slices.Equal(have, targets.Names()) {
		t.Errorf("fuzz has %v, the list has %v", have, targets.Names())
	}
}

// words are those of a variable of the Makefile.
func words(t *testing.T, name string) []string {
	t.Helper()
	text := strings.ReplaceAll(read(t, "../../Makefile"), "\\\n", " ")
	m := regexp.MustCompile(`(?m)^` + name + ` = (.*)$`).FindStringSubmatch(text)
	if m == nil {
		t.Fatalf("the Makefile has no %s", name)
	}
	return slices.Sorted(strings.FieldsSeq(m[1]))
}

// The Makefile offers the subcommands there are, and passes the flags there are.
func TestMakefile(t *testing.T) {
	want := []string{"help", "help-all"}
	for _, c := range commands {
		want = append(want, c.name)
	}
	slices.Sort(want)
	if got := words(t, "TARGETS"); !slices.Equal(got, want) {
		t.Errorf("the Makefile has the targets %v, want %v", got, want)
	}
	want = nil
	for name := range new(options).all() {
		want = append(want, strings.ToUpper(name))
	}
	slices.Sort(want)
	if got := words(t, "VARIABLES"); !slices.Equal(got, want) {
		t.Errorf("the Makefile has the variables %v, want %v", got, want)
	}
}

// make passes on what stands on its command line, whatever is in it.
func TestMakePasses(t *testing.T) {
	cmd := exec.Command("make", "-n", "-C", "../..", "mutants", "MUTANT=it's | $$x", "SAMPLE=")
	cmd.Env = append(os.Environ(), "SEEDS=7", "MAKEFLAGS=")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Skipf("NOT RUN: what make passes on, for there is no make: %v", err)
	}
	_, got, _ := strings.Cut(string(out), "build/shimfuzz mutants")
	got, _, _ = strings.Cut(got, "\n")
	if want := `-mutant='it'\''s | $x'`; strings.TrimSpace(got) != want {
		t.Errorf("make passes %s, want %s", got, want)
	}
}

func TestParse(t *testing.T) {
	t.Setenv(settings.Variable, "")
	t.Setenv(settings.HCSShim, "v0.14.1")
	t.Setenv(settings.Entry, "x.F")
	t.Setenv(settings.Findings, "")
	c := command{name: "fuzz", hcsshim: true, flags: "hcsshim findings fuzztime=30s target checks=300"}
	for _, tc := range []struct {
		args  string
		want  options
		fails string
	}{
		{"", options{hcsshim: "v0.14.1", entry: "x.F", fuzztime: "30s", checks: 300}, ""},
		{"-hcsshim=../x -entry=y.G -findings none -fuzztime=20x -checks=1", options{hcsshim: "../x", entry: "y.G", findings: "none", fuzztime: "20x", checks: 1}, ""},
		{"-case=x", options{}, "takes no CASE"},
		{"-no-such", options{}, "not defined"},
		{"stray", options{}, `"stray" is no flag`},
		{"-checks=0", options{}, "at least 1"},
		{"-checks=many", options{}, "at least 1"},
		{"-fuzztime=0x", options{}, "want a time"},
		{"-fuzztime=soon", options{}, "want a time"},
		{"-fuzztime=-1s", options{}, "want a time"},
	} {
		got, err := parse(c, strings.Fields(tc.args))
		switch {
		case tc.fails == "" && (err != nil || got != tc.want):
			t.Errorf("%s: %+v, %v; want %+v", tc.args, got, err, tc.want)
		case tc.fails != "" && (err == nil || !strings.Contains(err.Error(), tc.fails)):
			t.Errorf("%s: %v, want %s", tc.args, err, tc.fails)
		}
	}
}

// Every subcommand says what it does, takes flags that there are, and refuses
// the others.
func TestCommands(t *testing.T) {
	t.Setenv(settings.Variable, "")
	all := new(options).all()
	for _, c := range commands {
		if c.help == "" || c.run == nil {
			t.Errorf("%s has no help, or nothing to run", c.name)
		}
		takes := make(map[string]bool)
		for _, f := range c.takes() {
			name, _, _ := strings.Cut(f, "=")
			takes[name] = true
			if _, ok := all[name]; !ok {
				t.Errorf("%s takes %s, which is no flag", c.name, name)
			}
		}
		if c.hcsshim && !takes["hcsshim"] {
			t.Errorf("%s needs an hcsshim and takes none", c.name)
		}
		for name := range all {
			_, err := parse(c, []string{"-" + name + "=1x"})
			refused := err != nil && strings.Contains(err.Error(), "takes no "+strings.ToUpper(name))
			if refused == takes[name] {
				t.Errorf("make %s %s=1x: %v", c.name, strings.ToUpper(name), err)
			}
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
	for name, want := range map[string]string{"": "CASE=file is missing", empty: "empty", large: "more than the 1 MiB", dir: "not a regular file", dir + "/none": errors.Unwrap(missing).Error()} {
		j := &job{options: options{file: text(name)}, root: dir}
		if err := keep(context.Background(), j); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("keep %q: %v, want %s", name, err, want)
		}
	}
}
