package extract

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const serve = "func main() {\n\to, err := readOptions(os.Stdin)\n\tlog.Print(o, err)\n}\n\n"

func TestExtractDecls(t *testing.T) {
	tests := []struct {
		name, program string
		want          []string // each is there once
		without       string
		imports       string
	}{
		{"what is used", serve + `
func readOptions(r io.Reader) (*runhcs.Options, error) {
	limit := box{1}
	_ = limit.size()
	log.Print(prefix)
	return decode(r)
}

var prefix = strings.ToUpper("x")

// decode decodes.
func decode(r io.Reader) (*runhcs.Options, error) { return nil, nil }

func init() { prefix = set() }

func init() { unreached() }
-- DIR/other.go --
//go:build windows

package main

const (
	a = iota
	limit
)

type box struct{ n int }

func (b box) size() int { return b.n + limit }

func set() string { return "y" }

func unreached() {}
-- DIR/linux.go --
//go:build linux

package main

func readOptions() {}
-- DIR/serve_test.go --
package main

func helper() {}`,
			[]string{"func readOptions(", "func decode(", "// decode decodes.", "var prefix", "type box struct",
				"func (b box) size", "a = iota", "func init() { prefix = set() }", "func set()"},
			"unreached", "io log runhcs strings"},
		{"one name for two packages", serve + `
func readOptions(r io.Reader) (*runhcs.Options, error) { return helper(strings.ToLower("X")) }
-- DIR/helper.go --
//go:build windows

package main

import (
	runhcs "` + optionsPackage + `"
	strings "example.com/typeurl/v2"
)

var (
	// count counts.
	count = strings.UnmarshalAny
)

func helper(s string) (*runhcs.Options, error) { return nil, strings.Fail(count) }`,
			[]string{"strings2.ToLower(", "strings.Fail(count)", "// count counts.\nvar count = "}, "func main",
			"io runhcs strings strings2"},
		{"names that are taken", serve + `
func readOptions(r io.Reader) (*runhcs.Options, error) { reserved(); return away.Read(r) }

func reserved() {}`,
			[]string{"return Read(r)", "return nil, hcsshim2", "var hcsshim2 error", "func reserved()",
				"return reserved2(r)", "func reserved2(", "// From internal/away/away.go, line 12."},
			"away.Read", "io options"},
	}
	programs := make(map[string]string)
	for _, test := range tests {
		programs[test.name] = test.program
	}
	extract := extractor(t, programs)
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			x, err := extract(test.name, Shim{})
			if err != nil {
				t.Fatal(err)
			}
			all := strings.Join(x.readOptions.decls, "\n")
			for _, want := range test.want {
				if n := strings.Count(all, want); n != 1 {
					t.Errorf("%q is there %d times, want once, in:\n%s", want, n, all)
				}
			}
			if strings.Contains(all, test.without) {
				t.Errorf("%q is there in:\n%s", test.without, all)
			}
			hasImports(t, x.readOptions, test.imports)
		})
	}
}

func TestLocateErrors(t *testing.T) {
	other := t.TempDir()
	if err := os.WriteFile(filepath.Join(other, "go.mod"), []byte("module example.com/other\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	for spec, want := range map[string]string{
		filepath.Join(other, "nowhere"): "neither a version",
		other:                           "not a checkout of hcsshim",
	} {
		_, err := Locate(other, spec)
		oneLine(t, err, want)
	}
}

func TestKey(t *testing.T) {
	for want, source := range map[string]Source{
		"v0.14.1":                     {Name: "v0.14.1", Version: "v0.14.1", Dir: "/m/hcsshim@v0.14.1"},
		"checkout-home-me-my-hcsshim": {Name: "../hcsshim", Dir: "/home/me/my hcsshim"},
	} {
		if got := source.Key(); got != want {
			t.Errorf("%s: key %q, want %q", source.Name, got, want)
		}
	}
}

// The one call that finds the options is observed; a shim with none, or with two,
// is not to be guessed at.
func TestObserve(t *testing.T) {
	call := "found, err := params.FindExtension(&opts)"
	x := &section{decls: []string{"func a() { " + call + " }", "func b() {}"}}
	if err := x.observe(); err != nil ||
		x.decls[0] != "func a() { found, err := observe(&opts)(params.FindExtension(&opts)) }" {
		t.Errorf("%v, %q", err, x.decls[0])
	}
	for _, text := range []string{"func a() {}", call + "\n" + call} {
		if err := (&section{decls: []string{text}}).observe(); err == nil {
			t.Errorf("observed in %q", text)
		}
	}
}
