package extract

import (
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/mod/modfile"
)

// The tree tests hcsshim with the decoding modules that hcsshim's own go.mod
// asks for: what the suite adds must not raise them.
func TestTreeBuildsWithHcsshimsModules(t *testing.T) {
	root := filepath.Join("..", "..", "..")
	source, err := Locate(root, "")
	if err != nil {
		t.Fatal(err)
	}
	own, err := readModule(root)
	if err != nil {
		t.Fatal(err)
	}
	theirs, err := readModule(source.Dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, module := range []string{"google.golang.org/protobuf", "github.com/containerd/typeurl/v2", apiModule} {
		if is, want := requirement(own, module), requirement(theirs, module); is != want {
			t.Errorf("%s: the tree requires %s, hcsshim %s requires %s", module, is, source.Name, want)
		}
	}
}

// An hcsshim that asks for a newer Go is built with that, an older one is not built with an older.
func TestNewerGo(t *testing.T) {
	own := &modfile.File{Go: &modfile.Go{Version: "1.26.8"}}
	for _, test := range []struct {
		name   string
		theirs *modfile.Go
		want   string
	}{
		{"an older Go", &modfile.Go{Version: "1.9"}, "1.26.8"},
		{"a newer Go", &modfile.Go{Version: "1.27.4"}, "1.27.4"},
		{"none", nil, "1.26.8"},
	} {
		if got := newerGo(own, &modfile.File{Go: test.theirs}); got != test.want {
			t.Errorf("hcsshim asks for %s: go %s, want go %s", test.name, got, test.want)
		}
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
