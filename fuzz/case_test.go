package fuzz

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// A case is an input of the target that its folder, the user or ClusterFuzz says.
func TestReadCase(t *testing.T) {
	dir := t.TempDir()
	native := filepath.Join("testdata", "fuzz", "FuzzReaders", "0123")
	cluster := "clusterfuzz-testcase-minimized-FuzzMalformed-123"
	for name, text := range map[string]string{
		"payload":   "ab",
		cluster:     "a" + Separator + "b",
		native:      string((&Case{Parts: [][]byte{[]byte("a\xff\n"), nil}}).goFile()),
		"misplaced": goHeader,
		filepath.Join("testdata", "fuzz", "FuzzLegacy", "few"):      string((&Case{Parts: [][]byte{nil}}).goFile()),
		filepath.Join("testdata", "fuzz", "FuzzReadOptions", "bad"): goHeader + "int(3)\n",
	} {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	for _, tc := range []struct {
		name, target string
		want         string // the target and its parts, or the error
	}{
		{"payload", "", "FuzzReadOptions ab"},
		{"payload", "FuzzLegacy", "FuzzLegacy ab||"},
		{cluster, "", "FuzzMalformed a|b"},
		{cluster, "FuzzLegacy", "FuzzLegacy a|b|"},
		{cluster, "FuzzReadOptions", "FuzzReadOptions a" + Separator + "b"},
		{native, "", "FuzzReaders a\xff\n|"},
		{"payload", "FuzzNone", "there is no target FuzzNone"},
		{"misplaced", "", "must be in testdata/fuzz"},
		{filepath.Join("testdata", "fuzz", "FuzzLegacy", "few"), "", "1 values, but FuzzLegacy takes 3"},
		{filepath.Join("testdata", "fuzz", "FuzzReadOptions", "bad"), "", "not a value of []byte"},
		{"testdata", "", "is a directory"},
		{"none", "", "no such file"},
	} {
		c, err := ReadCase(filepath.Join(dir, tc.name), tc.target)
		got := ""
		if err == nil {
			got = c.Target.Name + " " + string(bytes.Join(c.Parts, []byte("|")))
		}
		if err == nil && got != tc.want || err != nil && !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s %s: %q, %v; want %q", tc.name, tc.target, got, err, tc.want)
		}
	}
}

// A case is read as it was kept.
func TestKeep(t *testing.T) {
	c := &Case{Target: Targets[1], Parts: [][]byte{[]byte("url"), {0, 0xff, '"'}, nil}}
	if err := c.Keep(filepath.Join(t.TempDir(), "testdata")); err != nil {
		t.Fatal(err)
	}
	got, err := ReadCase(c.File, "")
	if err != nil || got.Target.Name != c.Target.Name || !slices.EqualFunc(got.Parts, c.Parts, bytes.Equal) {
		t.Errorf("%+v, %v; want %+v", got, err, c)
	}
}
