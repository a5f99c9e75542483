package extract

import (
	"os"
	"path/filepath"
	"testing"
)

// A tree has the suite's files, with what belongs to a build in their place.
func TestWriteTree(t *testing.T) {
	root, dir := t.TempDir(), filepath.Join(t.TempDir(), "tree")
	b := &Build{Root: root, Dir: filepath.Join(root, "build", "v1"), Flags: []string{"-modfile", "-overlay"}}
	for name, text := range map[string]string{
		"go.mod":                            "own",
		"go.sum":                            "own",
		"fuzz/fuzz.go":                      "own",
		".git/config":                       "own",
		decoderFile:                         "own",
		linkedDir + "/old/old.go":           "own",
		"build/v1/go.mod":                   "built",
		"build/v1/go.sum":                   "built",
		"build/v1/tree/" + decoderFile:      "built",
		"build/v1/tree/" + linkedDir + "/n": "built",
	} {
		file := filepath.Join(root, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.WriteTree(dir); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"go.mod": "built", "go.sum": "built", "fuzz/fuzz.go": "own", decoderFile: "built", linkedDir + "/n": "built",
		linkedDir + "/old/old.go": "", ".git/config": "", "build/v1/go.mod": "",
	} {
		text, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(name)))
		if string(text) != want || (err != nil) != (want == "") {
			t.Errorf("%s is %q, %v; want %q", name, text, err, want)
		}
	}
}
