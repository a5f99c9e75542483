package programs

import (
	"os"
	"path/filepath"
	"testing"

	"shimfuzz/internal/gocmd"
)

// A program of the suite is built with what is internal to a checkout, and with the folder
// beside it that the checkout's go.mod names.
func TestBuild(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"suite/program/main.go": "//go:build shimfuzz\n\npackage main\n\nimport (\n\t\"example.com/near\"\n" +
			"\t\"example.com/release/internal\"\n\t\"shimfuzz/lib\"\n)\n\n" +
			"func main() { print(internal.Text + lib.Text + near.Text) }\n",
		"suite/lib/lib.go":             "package lib\n\nconst Text = \"b\"\n",
		"release/internal/internal.go": "package internal\n\nconst Text = \"a\"\n",
		"release/vendor/broken":        "",
		"release/go.mod":               "module example.com/release\n\nreplace example.com/near => ../near\n",
		"near/go.mod":                  "module example.com/near\n",
		"near/near.go":                 "package near\n\nconst Text = \"c\"\n",
	} {
		name = filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	release := &gocmd.Module{Path: "example.com/release", Dir: filepath.Join(dir, "release")}
	m, err := New(filepath.Join(dir, "suite"), release, "*/*.go")
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Build(dir, nil, "./"+Folder+"program"); err != nil {
		t.Fatal(err)
	}
	cmd := gocmd.Command(t.Context(), dir, filepath.Join(dir, "program"))
	if out, err := cmd.CombinedOutput(); err != nil || string(out) != "abc" {
		t.Errorf("%s, %v", out, err)
	}
}
